/** Consensus helper: collects one value per voter and folds them into one when there are enough.
 *  Keeps: a voter counts once, its last vote; the fold sees the values in the order of the voters' ids
 *  (UTF-16 code units), so every holder of the same votes gets the same result; at most `votersMax`.
 *  Never: says who may vote or checks a signature; that comes before. */

import { wholeSetting } from './settings.ts'

export const VOTERS_MAX = 10_000

export type ConsensusOptions<Value> = {
  /** Votes that make a quorum. */
  readonly threshold: number
  /** `majority`, `trimmedMean`, or one of your own; undefined means no result. */
  aggregate(values: readonly Value[]): Value | undefined
  /** Default 10 000. */
  readonly votersMax?: number
}

export class ConsensusHelper<Value> {
  readonly #threshold: number
  readonly #aggregate: (values: readonly Value[]) => Value | undefined
  readonly #votersMax: number
  readonly #votes: Map<string, Value> = new Map()
  #refused = 0

  constructor(options: ConsensusOptions<Value>) {
    this.#threshold = wholeSetting({ name: 'threshold', value: options.threshold, min: 1 })
    this.#aggregate = (values) => options.aggregate(values)
    const value = options.votersMax ?? VOTERS_MAX
    this.#votersMax = wholeSetting({ name: 'votersMax', value, min: 1 })
  }

  get voterCount(): number {
    return this.#votes.size
  }

  /** Votes of new voters that came when there were `votersMax`. */
  get refused(): number {
    return this.#refused
  }

  get hasQuorum(): boolean {
    return this.#votes.size >= this.#threshold
  }

  /** Takes or replaces the vote; false when there is no room for a new voter. */
  vote(voter: string, value: Value): boolean {
    if (!this.#votes.has(voter) && this.#votes.size >= this.#votersMax) {
      this.#refused += 1
      return false
    }
    this.#votes.set(voter, value)
    return true
  }

  /** Undefined before the quorum, and where the votes give none. */
  result(): Value | undefined {
    if (!this.hasQuorum) return undefined
    const votes = [...this.#votes].sort(([left], [right]) => (left < right ? -1 : 1))
    return this.#aggregate(votes.map(([, value]) => value))
  }

  reset(): void {
    this.#votes.clear()
    this.#refused = 0
  }
}
