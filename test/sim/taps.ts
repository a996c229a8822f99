/** Taps: what checkers learn from the wire, before a lying relay's filter and the network have their way:
 *  runs that leave a writer or are served, receipts, and the heads that a relay says it has. */

import { isZero } from '../../src/bytes/compare.ts'
import { formatHex } from '../../src/bytes/text.ts'
import { decodeRunHeader } from '../../src/frame/run.ts'
import type { Seal } from '../../src/frame/seal.ts'
import { decodeEnvelope } from '../../src/transport/envelope.ts'
import { MESSAGE_TYPE } from '../../src/transport/layout.ts'
import type { Liar } from './byzantine.ts'
import type { Copy } from './copy.ts'
import type { RelayNode } from './relay-node.ts'
import type { ShardPlan, World } from './world.ts'

const TAPPED: ReadonlySet<number> = new Set([
  MESSAGE_TYPE.run,
  MESSAGE_TYPE.receipt,
  MESSAGE_TYPE.heads,
])

type Tapped = {
  readonly relays: readonly RelayNode[]
  readonly copies: readonly Copy[]
  readonly shards: readonly ShardPlan[]
  readonly liar: Liar | undefined
}

export function observeMessages(world: World, tapped: Tapped): void {
  world.network.onSend((message, from, to) => {
    if (!TAPPED.has(message[0] ?? 0)) return
    const relay = tapped.relays.find(({ process }) => process === from)
    if (relay !== undefined) return observeRelay(world, tapped, relay, message)
    const copy = tapped.copies.find(({ process }) => process === from)
    if (copy !== undefined) observeCopy(world, copy, message)
    if (to.name === 'relay0') tapped.liar?.learn(message)
  })
}

function observeCopy(world: World, copy: Copy, message: Uint8Array): void {
  const position = positionOfRun(message)
  if (position !== undefined) world.observers.sent(copy, position)
}

function observeRelay(
  { observers, timeline }: World,
  { shards }: Tapped,
  { name }: RelayNode,
  message: Uint8Array,
): void {
  const decoded = decodeEnvelope(message)
  if (!decoded.ok) return
  const envelope = decoded.value
  const factsOf = (id: Uint8Array): ShardPlan | undefined =>
    shards.find((it) => it.id !== undefined && formatHex(it.id) === formatHex(id))
  if (envelope.type === 'run') {
    const position = positionOfRun(message)
    const facts = position && factsOf(position.shard)
    // Of a forked shard a relay also shows the branch that it did not keep.
    if (position === undefined || facts === undefined || facts.isDoubled) return
    observers.held(name, facts, position)
  } else if (envelope.type === 'receipt') {
    const { receipt } = envelope
    const facts = factsOf(receipt.shard)
    if (facts === undefined || !receipt.flags.durable) return
    timeline.note(`${name} acknowledges ${receipt.seq} of ${facts.index}`)
    observers.held(name, facts, receipt)
    if (!receipt.flags.fork) observers.promised(facts, receipt.holder, receipt)
  } else if (envelope.type === 'heads') {
    const facts = factsOf(envelope.shard)
    const position = envelope.heads[0]?.position
    if (facts === undefined) return
    timeline.note(`${name} has ${position?.seq} of ${facts.index}, from ${envelope.first}`)
    observers.told(name, facts, position)
  }
}

/** Where a run ends; undefined in the middle of a transaction, and for any other message. */
function positionOfRun(message: Uint8Array): Seal | undefined {
  const decoded = message[0] === MESSAGE_TYPE.run ? decodeEnvelope(message) : undefined
  if (!decoded?.ok || decoded.value.type !== 'run') return undefined
  const header = decodeRunHeader(decoded.value.bytes)
  if (!header.ok || isZero(header.value.seal.root)) return undefined
  return header.value.seal
}
