/** Figures of many measurements: one meaning wherever they are printed, and NaN where nothing was measured. */

/** The value below which this share of them lies, 0 to 1; the largest for 1, NaN of none. The values keep their order. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

/** The middle value; of an even number the upper of the two, NaN of none. */
export const median = (values: readonly number[]): number => quantile(values, 0.5);
