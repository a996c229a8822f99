/** Majority: the value with the most votes.  On a tie the value that comes first; from a consensus helper
 *  that is the one whose smallest voter id is lowest. */

export type MajorityOptions<Value> = {
  /** No result unless more than half agree.  Default false: the most votes are enough. */
  readonly strict?: boolean
  /** What makes two values the same; needed for bytes and objects.  Default: the value itself. */
  keyOf?(value: Value): unknown
}

export function majority<Value>(
  values: readonly Value[],
  options: MajorityOptions<Value> = {},
): Value | undefined {
  const tallies = new Map<unknown, { readonly value: Value; count: number }>()
  for (const value of values) {
    const key = options.keyOf === undefined ? value : options.keyOf(value)
    const tally = tallies.get(key)
    if (tally === undefined) tallies.set(key, { value, count: 1 })
    else tally.count += 1
  }
  let winner: { readonly value: Value; readonly count: number } | undefined
  for (const tally of tallies.values()) {
    if (winner === undefined || tally.count > winner.count) winner = tally
  }
  if (winner === undefined) return undefined
  if (options.strict === true && winner.count * 2 <= values.length) return undefined
  return winner.value
}
