/** Shared: what a copy calls shared was promised by that many distinct relays, each under its own key, for
 *  the very frame that the copy has there.  An honest relay's promise is kept by check-durability.ts; a relay
 *  that lies may promise what it does not hold, but nobody can promise in its name.
 *  Looks at `anchored` between events, and at each `untilShared` that resolved. */

import type { Position } from '../../src/base/ids.ts'
import { formatHex } from '../../src/bytes/text.ts'
import type { Sync } from '../../src/replication/sync.ts'
import type { Shard } from '../../src/shard/shard.ts'
import { isAncestor, type LedgerEntry, nameOf } from './ledger.ts'
import type { CopyFacts, Observer, Report, ShardFacts } from './observer.ts'

export type SharedCheck = Required<Pick<Observer, 'promised' | 'shared'>> & {
  look(copy: CopyFacts, running: { readonly shard: Shard; readonly sync: Sync }): void
}

export function createSharedCheck(report: Report): SharedCheck {
  /** By shard and key in hex: positions that this key signed for. */
  const promises = new Map<ShardFacts, Map<string, Map<string, Position>>>()
  /** What each sync said when it was looked at last. */
  const seen = new WeakMap<Sync, string>()
  return {
    promised(facts, holder, position) {
      const byHolder = promises.get(facts) ?? new Map<string, Map<string, Position>>()
      promises.set(facts, byHolder)
      const key = formatHex(holder)
      const known = byHolder.get(key) ?? new Map<string, Position>()
      byHolder.set(key, known.set(formatHex(position.checksum), position))
    },
    shared(copy, position, holders) {
      const { facts } = copy
      const entry = facts.ledger.find(position)
      if (entry === undefined) return
      const keepers = [...(promises.get(facts) ?? [])].filter(([, positions]) =>
        [...positions.values()].some((one) => covers(facts, one, entry)),
      )
      if (keepers.length >= holders) return
      report(
        'shared',
        `${copy.name} says that ${holders} have ${nameOf(entry)}, but ${keepers.length} signed for it.`,
      )
    },
    look(copy, { shard, sync }) {
      const { anchored } = sync
      if (anchored === undefined) return
      const word = `${anchored.seq} ${anchored.holders.join()}`
      if (seen.get(sync) === word) return
      seen.set(sync, word)
      const entry = entryAt(copy.facts, shard.head, anchored.seq)
      // In the middle of a transaction the model has no entry.
      if (entry === undefined) return
      for (const holder of anchored.holders) {
        if (promises.get(copy.facts)?.get(holder)?.has(entry.checksum)) continue
        report(
          'shared',
          `${copy.name} says that ${holder.slice(0, 8)} has ${nameOf(entry)}, which that key never signed for.`,
        )
      }
    },
  }
}

/** Whether a promise of `position` is one of `entry` too. */
function covers({ ledger }: ShardFacts, position: Position, entry: LedgerEntry): boolean {
  const promised = ledger.find(position)
  // Of a frame in the middle of a transaction the model knows the seq only.
  if (promised === undefined) return position.seq > entry.seq
  return isAncestor(entry, promised)
}

function entryAt({ ledger }: ShardFacts, head: Position, seq: bigint): LedgerEntry | undefined {
  let at = ledger.find(head)
  while (at !== undefined && at.seq > seq) at = at.parent
  return at?.seq === seq ? at : undefined
}
