/** Receipts: what a writer believes of a relay's signed word, and what it asks for. */

import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Hlc, toSeq } from '../../src/base/ids.ts'
import { formatHex } from '../../src/bytes/text.ts'
import type { Signer } from '../../src/crypto/signer.ts'
import { signerFromSeed } from '../../src/crypto/signer-noble.ts'
import { createReceipt, type Receipt } from '../../src/frame/receipt.ts'
import { decodeRunHeader } from '../../src/frame/run.ts'
import type { Shard } from '../../src/shard/shard.ts'
import type { Envelope } from '../../src/transport/envelope.ts'
import type { Peer } from '../../src/transport/transport.ts'
import {
  createWorld,
  listenScripted,
  RELAY_SIGNER,
  URL_ONE,
  type World,
} from './replication-fixtures.ts'
import { commit, drive, openWriter, seedOf } from './shard-fixtures.ts'

let world: World
let writer: Shard

beforeEach(async () => {
  world = createWorld()
  writer = (await openWriter(world.host)).shard
  for (let number = 1; number <= 3; number++) await commit(writer, { 1: number })
})

afterEach(() => world.close())

type Claims = Partial<Pick<Receipt, 'shard' | 'seq' | 'checksum' | 'flags'>> & {
  readonly signer?: Signer
}

/** The receipt that an honest relay gives for the writer's head, but for what the test claims instead. */
function receiptOf({ signer = RELAY_SIGNER, ...claims }: Claims): Promise<Receipt> {
  return createReceipt(signer, {
    shard: writer.id,
    author: writer.ownAuthor,
    epoch: 0n,
    seq: writer.head.seq,
    checksum: writer.head.checksum,
    hlc: 1n as Hlc,
    flags: { durable: true, archived: false, fork: false },
    ...claims,
  })
}

/** A relay that is empty, takes runs, and then answers with this receipt. */
function listenWith(receipt: () => Promise<Receipt>) {
  return listenScripted(world, async (envelope: Envelope, peer: Peer) => {
    if (envelope.type === 'heads') {
      await peer.send({ type: 'heads', shard: writer.id, heads: [], first: toSeq(0) })
    }
    if (envelope.type === 'run') await peer.send({ type: 'receipt', receipt: await receipt() })
  })
}

describe('a receipt', () => {
  it('that is honest makes the head shared and releases the log', async () => {
    listenWith(() => receiptOf({}))
    const publishing = world.sync(writer, 'writer')
    expect(publishing.anchored).toBeUndefined()
    await drive(world.host, publishing.untilShared(writer.durable, 1))
    expect(publishing.anchored).toEqual({
      seq: writer.durable.seq,
      holders: [formatHex(RELAY_SIGNER.publicKey)],
    })
    expect(publishing.status.pending).toBe(0)
    expect(publishing.status.counters['badReceipts']).toBeUndefined()
  })

  const cases: readonly (readonly [string, () => Claims])[] = [
    ['of another key than the connection’s', () => ({ signer: signerFromSeed(seedOf(78)) })],
    ['of another shard', () => ({ shard: seedOf(9) })],
    ['for a frame that is not ours', () => ({ checksum: seedOf(9) })],
    ['for a frame that is still to come', () => ({ seq: toSeq(1000) })],
  ]
  for (const [what, claims] of cases) {
    it(`${what} is counted and not believed`, async () => {
      listenWith(() => receiptOf(claims()))
      const publishing = world.sync(writer, 'writer')
      await world.until(() => publishing.status.counters['badReceipts'] !== undefined)
      expect(publishing.anchored).toBeUndefined()
      expect(publishing.status.counters['badReceipts']).toBeGreaterThan(0)
      expect(publishing.status.pending).toBe(4)
      await commit(writer, { 1: 9 })
      await drive(world.host, writer.checkpoint())
      await drive(world.host, writer.checkpoint())
      expect(writer.range()?.first).toBe(1n)
    })
  }

  it('with a broken signature is counted and not believed', async () => {
    listenWith(async () => ({ ...(await receiptOf({})), hlc: 2n as Hlc }))
    const publishing = world.sync(writer, 'writer')
    await world.until(() => publishing.status.counters['badReceipts'] !== undefined)
    expect(publishing.status.pending).toBe(4)
  })

  it('that does not say durable is not counted as shared', async () => {
    const flags = { durable: false, archived: false, fork: false }
    const script = listenWith(() => receiptOf({ flags }))
    const publishing = world.sync(writer, 'writer')
    await world.until(() => script.received.some(({ type }) => type === 'run'))
    await world.host.advance(1_000)
    expect(publishing.status.pending).toBe(4)
    expect(publishing.status.counters['badReceipts']).toBeUndefined()
  })

  it('with the flag fork is counted as a warning and halts nobody', async () => {
    const flags = { durable: false, archived: false, fork: true }
    listenWith(() => receiptOf({ flags, checksum: seedOf(9) }))
    const publishing = world.sync(writer, 'writer')
    await world.until(() => publishing.status.counters['forkReceipts'] !== undefined)
    expect(publishing.status.pending).toBe(4)
    expect(writer.halted).toBeUndefined()
  })
})

describe('a writer that comes back to a relay that has everything', () => {
  it('sends the head again, once, so that a receipt says so', async () => {
    const script = listenScripted(world, async (envelope, peer) => {
      if (envelope.type === 'heads') {
        const heads = [{ author: writer.ownAuthor, position: writer.head }]
        await peer.send({ type: 'heads', shard: writer.id, heads, first: toSeq(1) })
      }
      if (envelope.type === 'run') {
        await peer.send({ type: 'receipt', receipt: await receiptOf({}) })
      }
    })
    const publishing = world.sync(writer, 'writer')
    await drive(world.host, publishing.untilShared(writer.durable, 1))
    expect(publishing.status.pending).toBe(0)
    const seqs = script.received.flatMap((envelope) => {
      if (envelope.type !== 'run') return []
      const header = decodeRunHeader(envelope.bytes)
      return header.ok ? [header.value.firstSeq] : []
    })
    expect(seqs).toEqual([writer.head.seq])
    world.hub.cut()
    await world.until(() => script.peers.length > 1 && publishing.status.state === 'live')
    expect(script.received.filter(({ type }) => type === 'run')).toHaveLength(1)
  })

  it('keeps what the relay has released, and forgets relays that it no longer has', async () => {
    listenWith(() => receiptOf({}))
    const first = world.sync(writer, 'writer', { urls: [URL_ONE, 'wss://gone.example'] })
    await drive(world.host, first.untilShared(writer.durable, 1))
    await drive(world.host, first.stop())
    await drive(world.host, writer.checkpoint())
    await drive(world.host, writer.checkpoint())
    expect(writer.range()?.first).toBe(1n)
    const second = world.sync(writer, 'writer')
    await world.host.settle()
    await commit(writer, { 1: 50 })
    await drive(world.host, writer.checkpoint())
    await drive(world.host, second.untilShared(writer.durable, 1))
    expect(writer.range()?.first ?? 99n).toBeGreaterThan(1n)
  })
})
