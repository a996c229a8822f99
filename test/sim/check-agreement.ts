/** Agreement: no two frames at one position.  Of one epoch at most one durable frame follows another,
 *  unless a key was doubled, by a clone or a restored image: then it is a fork, which check-halts.ts judges by
 *  its evidence; and no copy ever shows frames of both branches (check-prefix.ts). */

import type { Position } from '../../src/base/ids.ts'
import { nameOf } from './ledger.ts'
import type { Observer, Report, ShardFacts } from './observer.ts'

export function createAgreementCheck(report: Report): Observer {
  const note = (facts: ShardFacts, position: Position, who: string): void => {
    const entry = facts.ledger.find(position)
    // That every copy's position is one that was committed is what check-prefix.ts says.
    if (entry === undefined) return
    const other = facts.ledger.markDurable(entry)
    if (other === undefined || facts.isDoubled) return
    report(
      'agreement',
      `${who} has frame ${nameOf(entry)}, or one before it, beside ${nameOf(other)} of the same epoch.`,
    )
  }
  return {
    opened: ({ facts, name }, shard) => note(facts, shard.head, name),
    durable: ({ facts, name }, position) => note(facts, position, name),
    sent: ({ facts, name }, position) => note(facts, position, name),
    advanced: ({ facts, name }, shard) => note(facts, shard.durable, name),
  }
}
