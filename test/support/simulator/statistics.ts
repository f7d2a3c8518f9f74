// What may be said of a part that was counted.

/** Of ten thousand intervals one does not hold the truth: a normal distribution lies so far out that often. */
const standardErrors = 3.9;
const rounding = 1e-9;

/** Where the true part lies when `hits` of `trials` were counted (E. B. Wilson, 1927). */
export function confidenceInterval(hits: number, trials: number): [low: number, high: number] {
  const spread = standardErrors ** 2 / trials;
  const part = hits / trials;
  const middle = (part + spread / 2) / (1 + spread);
  const half =
    (standardErrors / (1 + spread)) *
    Math.sqrt((part * (1 - part)) / trials + spread / (4 * trials));
  // What is certain is not to fail for the last digit of a sum.
  return [middle - half - rounding, middle + half + rounding];
}
