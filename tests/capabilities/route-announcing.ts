export const runAnnounceTests = (_: unknown, __: unknown): void => {}
