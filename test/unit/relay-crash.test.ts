/** Power loss at any moment costs a relay nothing that it has signed a durable receipt for: over a disk
 *  that keeps any subset of what was not synced, and one whose writes and syncs fail. */
import { describe, expect, it } from 'vitest'
import { succeed } from '../../src/base/failure.ts'
import type { Position, Seq } from '../../src/base/ids.ts'
import { equalBytes } from '../../src/bytes/compare.ts'
import { decodeRun } from '../../src/frame/run.ts'
import { readSnapshot } from '../../src/pages/snapshot.ts'
import type { RelayStore } from '../../src/relay/store.ts'
import { createFaultyDisk, type FaultyDisk } from '../../src/storage/faulty.ts'
import { createManualHost, type ManualHost } from '../../src/testing/manual-host.ts'
import { createRandom, type Random } from '../../src/testing/random.ts'
import type { Envelope } from '../../src/transport/envelope.ts'
import { createTestChain, type TestChain } from './relay-chains.ts'
import { authorityOf, type Client, headsOf, setUpRelay, wantOf } from './relay-fixtures.ts'
import { snapshotOf, upload } from './relay-snapshots.ts'
import { testSigner } from './transport-fixtures.ts'

const SEEDS = 60

/** A store of one shard on this disk. */
function storeOn(
  disk: FaultyDisk,
  chain: TestChain,
  host: ManualHost,
  exists: boolean,
): RelayStore {
  let isListed = exists
  return {
    list: async () => (isListed ? [{ shard: chain.shard, sizeBytes: 1 }] : []),
    device() {
      isListed = true
      return disk.device(host)
    },
  }
}

/** The newest head that a receipt calls durable. */
function newestReceipt(
  envelopes: readonly Envelope[],
  known: Position | undefined,
): Position | undefined {
  let newest = known
  for (const envelope of envelopes) {
    if (envelope.type !== 'receipt' || !envelope.receipt.flags.durable) continue
    const { seq, checksum } = envelope.receipt
    if (newest === undefined || seq > newest.seq) newest = { seq, checksum }
  }
  return newest
}

/** Sends runs and snapshots for a while; answers the newest head with a receipt. */
async function write(
  writer: Client,
  chain: TestChain,
  random: Random,
  known: Position | undefined,
): Promise<Position | undefined> {
  let newest = known
  for (let turn = random.below(12) + 1; turn > 0; turn--) {
    if (random.chance(0.25) && chain.frames.length > 1) {
      await upload(writer, chain, await snapshotOf(chain, chain.head, 20 + random.below(30)))
    } else {
      const bytes = await chain.run(random.below(3) + 1, random.below(3000))
      await writer.send({ type: 'run', bytes })
    }
    if (random.chance(0.6)) newest = newestReceipt(await writer.take(), newest)
  }
  return newest
}

/** What a relay serves of the shard, checked from its snapshot or first frame up to its head. */
async function readBack(
  follower: Client,
  chain: TestChain,
): Promise<{ readonly position: Position; readonly first: Seq } | undefined> {
  await follower.send(headsOf(chain))
  const heads = (await follower.take()).find((envelope) => envelope.type === 'heads')
  if (heads?.type !== 'heads') throw new Error('no heads came')
  const head = heads.heads[0]?.position
  if (head === undefined) return undefined
  let at: Position = { seq: 0n as Seq, checksum: new Uint8Array(32) }
  if (heads.first !== 1n) {
    await follower.send({ type: 'want-snapshot', shard: chain.shard, seqMin: 0n as Seq })
    at = await positionOfSnapshot(await follower.take())
  }
  expect(heads.first === 0n || heads.first <= at.seq + 1n).toBe(true)
  await follower.send(wantOf(chain, Number(at.seq) + 1, Number(head.seq)))
  for (const envelope of await follower.take()) {
    if (envelope.type !== 'run') throw new Error(`a ${envelope.type} came instead of a run`)
    const run = decodeRun(envelope.bytes, () => succeed(undefined))
    if (!run.ok) throw run.failure
    expect(run.value.firstSeq).toBe(at.seq + 1n)
    expect(equalBytes(run.value.prev, at.checksum)).toBe(true)
    at = { seq: run.value.seal.seq, checksum: run.value.seal.checksum }
  }
  expect(at).toEqual(head)
  return { position: head, first: heads.first }
}

async function positionOfSnapshot(envelopes: readonly Envelope[]): Promise<Position> {
  const read = await readSnapshot(
    (async function* () {
      for (const envelope of envelopes) if (envelope.type === 'snapshot') yield envelope.bytes
    })(),
    { header: () => undefined, pages: () => undefined },
  )
  if (!read.ok) throw read.failure
  const { seq, checksum } = read.value.seal
  return { seq, checksum }
}

async function crashOnce(seed: number): Promise<'stored' | 'empty'> {
  const random = createRandom(seed)
  const chain = createTestChain(1 + (seed % 40))
  let disk = createFaultyDisk({ syncDelayMs: 3 })
  let newest: Position | undefined
  for (let round = 0; round < 3; round++) {
    const host = createManualHost({ seed: seed * 10 + round })
    const setup = await setUpRelay({}, { host, store: storeOn(disk, chain, host, round > 0) })
    const writer = await setup.connect(chain.signer, 'writer')
    await writer.send(headsOf(chain), authorityOf(chain))
    const told = (await writer.take()).find((envelope) => envelope.type === 'heads')
    const stored = told?.type === 'heads' ? (told.heads[0]?.position.seq ?? 0n) : 0n
    expect(stored >= (newest?.seq ?? 0n), `seed ${seed}, round ${round}`).toBe(true)
    if (chain.frames.length > 1 && Number(stored) < chain.frames.length) {
      const bytes = await chain.rerun(Number(stored) + 1, chain.frames.length)
      await writer.send({ type: 'run', bytes })
    }
    if (random.chance(0.2)) disk.failSync(random.below(20) + 1)
    if (random.chance(0.2)) disk.failWrite(random.below(20) + 1, random.below(600))
    newest = await write(writer, chain, random, newest).catch(() => newest)
    await host.advance(random.below(4))
    const keep = random.below(3)
    disk = disk.crash(() => (keep === 2 ? random.chance(0.5) : keep === 1))
  }
  const host = createManualHost({ seed })
  const setup = await setUpRelay({}, { host, store: storeOn(disk, chain, host, true) })
  const follower = await setup.connect(testSigner(50), 'follower')
  const found = await readBack(follower, chain)
  if (newest === undefined) return found === undefined ? 'empty' : 'stored'
  expect(found !== undefined && found.position.seq >= newest.seq, `seed ${seed}`).toBe(true)
  const frame = chain.frames[Number(newest.seq) - 1]
  expect(equalBytes(frame?.checksum ?? new Uint8Array(), newest.checksum)).toBe(true)
  return 'stored'
}

describe('power loss', () => {
  it(`keeps what was acknowledged, over ${SEEDS} seeds with crashes, failing writes and syncs`, async () => {
    const outcomes = { stored: 0, empty: 0 }
    for (let seed = 1; seed <= SEEDS; seed++) {
      try {
        outcomes[await crashOnce(seed)] += 1
      } catch (error) {
        throw new Error(`seed ${seed}`, { cause: error })
      }
    }
    expect(outcomes.stored).toBeGreaterThan(SEEDS / 2)
  }, 60_000)
})
