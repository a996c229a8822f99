/** Measures two sides of one thing in turns within one run, so that a noisy machine harms both alike.
 *  Answers the median of the repetitions; a ratio above 1 means that ours is the better one. */

export type Line = {
  readonly bench: string
  readonly case: string
  /** Median cost of ours. */
  readonly ours: number
  /** Median cost of the peer; null where it is not there. */
  readonly peer: number | null
  /** peer ÷ ours. */
  readonly ratio: number | null
  readonly unit: string
  /** Ours and peer name what was measured. */
  readonly note: string
}

/** Runs the work once and answers its cost in the unit of the case. */
export type Side = () => Promise<number>

export type Pair = {
  readonly case: string
  readonly unit: string
  readonly note: string
  readonly repetitions: number
  readonly ours: Side
  readonly peer: Side | undefined
}

export async function measurePair(bench: string, pair: Pair): Promise<Line> {
  const ours: number[] = []
  const peers: number[] = []
  for (let repetition = 0; repetition < pair.repetitions; repetition++) {
    // Who goes first changes each time: caches and the disk's mood favour one of them.
    const isOursFirst = repetition % 2 === 0
    if (isOursFirst) ours.push(await pair.ours())
    if (pair.peer !== undefined) peers.push(await pair.peer())
    if (!isOursFirst) ours.push(await pair.ours())
  }
  const own = median(ours)
  const other = pair.peer === undefined ? null : median(peers)
  return {
    bench,
    case: pair.case,
    ours: own,
    peer: other,
    ratio: other === null ? null : other / own,
    unit: pair.unit,
    note: pair.note,
  }
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((left, right) => left - right)
  const middle = Math.floor(sorted.length / 2)
  const upper = sorted[middle] ?? Number.NaN
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2
}

/** One line for a person. */
export function formatLine(line: Line): string {
  const amount = (value: number | null): string => (value === null ? '–' : value.toFixed(1))
  const ratio = line.ratio === null ? 'no peer' : `${line.ratio.toFixed(2)} ×`
  const costs = `ours ${amount(line.ours)} ${line.unit}, peer ${amount(line.peer)} ${line.unit}`
  return `${line.bench} · ${line.case}: ${costs}, ${ratio} (${line.note})`
}
