export const runRecordTests = (_: unknown, __: unknown): void => {}
