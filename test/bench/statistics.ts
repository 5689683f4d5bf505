/** Median, least and greatest of some measurements. */
export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
  readonly runs: number;
}

/** @throws when there is nothing to look at */
export function spreadOf(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  const low = sorted[Math.ceil(middle) - 1];
  const high = sorted[Math.floor(middle)];
  const min = sorted[0];
  const max = sorted.at(-1);
  if (low === undefined || high === undefined || min === undefined || max === undefined) throw new Error("no values");
  return { median: (low + high) / 2, min, max, runs: values.length };
}

/** The value below which that part of all is, as 0.95; the nearest one. @throws when there is nothing to look at */
export function quantileOf(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const value = sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))];
  if (value === undefined) throw new Error("no values");
  return value;
}

/** `0.123 (0.100 to 0.200)`; the median alone when there was one run. */
export function spreadText({ median, min, max, runs }: Spread, digits: number): string {
  const text = median.toFixed(digits);
  return runs === 1 ? text : `${text} (${min.toFixed(digits)} to ${max.toFixed(digits)})`;
}

/** A whole number with thin groups of three, as `12 345`. */
export function grouped(value: number): string {
  return Math.round(value)
    .toString()
    .replace(/\B(?=(\d{3})+(?!\d))/g, " ");
}
