/** What must hold after a round, each check an error that says which promise was broken. */

import type { Record } from './cluster.ts'
import type { Seen } from './programs/workload.ts'

/** Everything that was acknowledged is there, whole, and the history verifies. */
export function checkDurable(who: string, seen: Seen, record: Record): void {
  checkSound(who, seen)
  checkHolds(who, seen, record.acknowledged, 'acknowledged')
}

/** Everything that a receipt covered is there. */
export function checkShared(who: string, seen: Seen, record: Record): void {
  checkSound(who, seen)
  checkHolds(who, seen, record.shared, 'shared')
}

/** Both copies hold one history: the same state root, and the same file to the byte. */
export function checkSame(who: string, seen: Seen, other: Seen): void {
  checkSound(who, seen)
  for (const what of ['seq', 'root', 'sha256'] as const) {
    if (seen[what] !== other[what]) {
      throw new Error(`${who} has another ${what}: ${seen[what]}, not ${other[what]}`)
    }
  }
}

/** Nothing happened that a person would have to look at. */
export function checkQuiet(record: Record): void {
  if (record.problems.length > 0) throw new Error(record.problems.join('\n'))
}

function checkSound(who: string, seen: Seen): void {
  if (!seen.ok) throw new Error(`verify() of ${who} says no at ${seen.seq}`)
  if (seen.torn !== '') throw new Error(`${who} has ${seen.torn}`)
}

function checkHolds(who: string, seen: Seen, promised: ReadonlySet<number>, word: string): void {
  const held = new Set(seen.batches)
  const lost = [...promised].filter((batch) => !held.has(batch))
  if (lost.length > 0) {
    throw new Error(
      `${who} lost ${lost.length} of ${promised.size} ${word} batches, the first: ${lost[0]}`,
    )
  }
}
