/** Durability: what a copy called durable, what it sent, and what a relay acknowledged or served, is there
 *  after every later crash and power cut.
 *  Not so after an older image was put in its place; and a hand-over may supersede it. */

import type { Position } from '../../src/base/ids.ts'
import { isAncestor, type LedgerEntry, nameOf, supersedes } from './ledger.ts'
import type { Observer, Report, ShardFacts } from './observer.ts'

export function createDurabilityCheck(report: Report): Observer {
  /** By node and shard: what must be found there. */
  const floors = new Map<string, LedgerEntry>()
  const raise = (node: string, facts: ShardFacts, position: Position): void => {
    const entry = facts.ledger.find(position)
    if (entry === undefined) return
    const key = keyOf(node, facts)
    const floor = floors.get(key)
    const isHigher = floor === undefined || entry.seq > floor.seq || supersedes(entry, floor)
    if (isHigher) floors.set(key, entry)
  }
  const compare = (node: string, facts: ShardFacts, position: Position | undefined): void => {
    const floor = floors.get(keyOf(node, facts))
    if (floor === undefined) return
    const found = position && facts.ledger.find(position)
    if (found !== undefined && (isAncestor(floor, found) || supersedes(found, floor))) return
    if (found !== undefined && facts.ledger.isBeingSuperseded(floor, found)) return
    const has = position === undefined ? 'nothing' : `seq ${position.seq}`
    report('durability', `${node} has ${has}, though it had ${nameOf(floor)} durably.`)
  }
  return {
    opened({ name, facts }, shard) {
      compare(name, facts, shard.head.seq === 0n ? undefined : shard.head)
      raise(name, facts, shard.head)
    },
    durable: ({ name, facts }, position) => raise(name, facts, position),
    advanced: ({ name, facts }, shard) => raise(name, facts, shard.durable),
    sent: ({ name, facts }, position) => raise(name, facts, position),
    held: (relay, facts, position) => raise(relay, facts, position),
    told: (relay, facts, position) => compare(relay, facts, position),
    wentBack(node) {
      for (const key of [...floors.keys()]) if (key.startsWith(`${node} `)) floors.delete(key)
    },
  }
}

function keyOf(node: string, facts: ShardFacts): string {
  return `${node} ${facts.index}`
}
