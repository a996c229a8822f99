/** Trimmed mean: the mean of the values within a factor of five of the median, in whole numbers.
 *  Keeps: exact, in bigint, without overflow; the upper median for an even count; division truncates
 *  toward zero, as in the source.
 *  What it cannot do: half of the voters at one high value win ([1, 1, 100, 100] is 100), and around large
 *  numbers such as Unix times the band of five holds almost anything.  Give it differences, not times. */

const BAND = 5n
/** The band around a median of 0, where a factor says nothing. */
const ZERO_BAND = 10n

export function trimmedMean(values: readonly bigint[]): bigint {
  const sorted = [...values].sort((left, right) => (left < right ? -1 : left > right ? 1 : 0))
  const median = sorted[Math.floor(sorted.length / 2)]
  if (median === undefined) return 0n
  const [low, high] = bandAround(median)
  let sum = 0n
  let kept = 0n
  for (const value of sorted) {
    if (value < low || value > high) continue
    sum += value
    kept += 1n
  }
  return kept === 0n ? median : sum / kept
}

/** The same of the values above 0; 0 when there are none. */
export function positiveTrimmedMean(values: readonly bigint[]): bigint {
  return trimmedMean(values.filter((value) => value > 0n))
}

function bandAround(median: bigint): readonly [low: bigint, high: bigint] {
  if (median === 0n) return [-ZERO_BAND, ZERO_BAND]
  const near = median / BAND
  const far = median * BAND
  return median > 0n ? [near, far] : [far, near]
}
