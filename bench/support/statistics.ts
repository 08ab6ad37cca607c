// The few figures that stand for many.

/** The value below which this part of the values lies (nearest rank); NaN of none. */
export function quantile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((left, right) => left - right);
  return sorted[Math.max(0, Math.ceil(sorted.length * part) - 1)] ?? Number.NaN;
}

/** The middle one, or the mean of the two in the middle; NaN of none. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((left, right) => left - right);
  const middle = sorted.length / 2;
  const [upper, lower] = [sorted[Math.floor(middle)], sorted[Math.ceil(middle) - 1]];
  return upper === undefined || lower === undefined ? Number.NaN : (upper + lower) / 2;
}

/** Tapin's figure of each round over the floor's of the same round. */
export function ratios(tapin: readonly number[], floor: readonly number[]): readonly number[] {
  return tapin.flatMap((value, round) => {
    const below = floor[round];
    return below === undefined ? [] : [value / below];
  });
}
