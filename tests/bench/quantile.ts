export const quantile = (values: readonly number[], at: number): number =>
  [...values].sort((x, y) => x - y)[Math.min(values.length - 1, Math.floor(values.length * at))] as number
