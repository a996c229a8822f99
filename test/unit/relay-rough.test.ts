/** Rough company: peers that send nonsense in good form, take nothing, or vanish do not disturb others. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { toSeq } from '../../src/base/ids.ts'
import { concatBytes, equalBytes } from '../../src/bytes/compare.ts'
import type { Envelope } from '../../src/transport/envelope.ts'
import { connectPeer } from '../../src/transport/peer.ts'
import { createTestChain } from './relay-chains.ts'
import { headsOf, publish, runsIn, type Setup, setUpRelay, wantOf } from './relay-fixtures.ts'
import { snapshotOf, upload } from './relay-snapshots.ts'
import { diallerOptions, HUB_URL, testSigner } from './transport-fixtures.ts'

const chain = createTestChain(1)
const runs = [await chain.run(2), await chain.run(1), await chain.run(3)]

const key = fc.constantFrom(chain.shard, testSigner(1).publicKey, new Uint8Array(32).fill(3))
const seq = fc.bigInt({ min: 0n, max: 9n }).map((value) => toSeq(value))
const bytes = fc.oneof(fc.constantFrom(...runs), fc.uint8Array({ maxLength: 300 }))
const envelope: fc.Arbitrary<Envelope> = fc.oneof(
  fc.record({
    type: fc.constant('heads' as const),
    shard: key,
    heads: fc.array(fc.record({ author: key, position: fc.record({ seq, checksum: key }) }), {
      maxLength: 2,
    }),
    first: seq,
  }),
  fc.record({
    type: fc.constant('authority' as const),
    shard: key,
    frames: fc.constantFrom(chain.authority, chain.frames.slice(1, 3)),
  }),
  fc.record({
    type: fc.constant('want' as const),
    shard: key,
    author: key,
    from: seq,
    to: fc.option(seq, { nil: undefined }),
  }),
  fc.record({ type: fc.constant('run' as const), bytes }),
  fc.record({ type: fc.constant('want-snapshot' as const), shard: key, seqMin: seq }),
  fc.record({
    type: fc.constant('snapshot' as const),
    shard: key,
    index: fc.integer({ min: 0, max: 2 }),
    last: fc.boolean(),
    bytes,
  }),
  fc.record({
    type: fc.constant('error' as const),
    code: fc.constantFrom('ErrForked', 'x'),
    text: fc.constant(''),
  }),
)

/** A follower that has the handshake behind it and takes nothing. */
async function connectSleeper(setup: Setup): Promise<Awaited<ReturnType<typeof connectPeer>>> {
  const socket = await setup.hub.transport(HUB_URL).connect(new AbortController().signal)
  const connecting = connectPeer(socket, {
    ...diallerOptions(setup.host),
    signer: testSigner(60),
    role: 'follower',
  })
  await setup.host.settle()
  return connecting
}

describe('nonsense', () => {
  it('ends at most its own connection; what is stored is a true prefix, and others are served', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(envelope, { minLength: 1, maxLength: 25 }),
        fc.constantFrom('writer' as const, 'follower' as const),
        async (envelopes, role) => {
          const setup = await setUpRelay()
          const rough = await setup.connect(testSigner(70), role)
          for (const one of envelopes) rough.send(one).catch(() => undefined)
          await rough.take()
          const follower = await setup.connect(testSigner(50), 'follower')
          await follower.send(headsOf(chain))
          const heads = (await follower.take()).find((answer) => answer.type === 'heads')
          const head = heads?.type === 'heads' ? heads.heads[0]?.position : undefined
          if (head !== undefined) {
            const frame = chain.frames[Number(head.seq) - 1]
            expect(equalBytes(frame?.checksum ?? new Uint8Array(), head.checksum)).toBe(true)
            await follower.send(wantOf(chain, 1))
            expect(runsIn(await follower.take())).toEqual([`1-${head.seq}`])
          }
          const closing = setup.relay.close()
          await setup.host.settle()
          await closing
          expect(setup.host.timerCount).toBe(0)
        },
      ),
      { numRuns: 60 },
    )
  })
})

describe('slowness', () => {
  it('of one follower holds neither the writer nor another follower back, and ends it in time', async () => {
    const setup = await setUpRelay()
    const long = createTestChain(2)
    const writer = await publish(setup, long, [1])
    const sleeper = await connectSleeper(setup)
    void sleeper.send(headsOf(long))
    void sleeper.send(wantOf(long, 1))
    const follower = await setup.connect(testSigner(50), 'follower')
    await follower.send(headsOf(long), wantOf(long, 1))
    await follower.take()
    for (let index = 0; index < 30; index++) {
      await writer.send({ type: 'run', bytes: await long.run(1, 400_000) })
    }
    await writer.take()
    expect(
      runsIn(await follower.take())
        .at(-1)
        ?.endsWith(`-${long.head.seq}`),
    ).toBe(true)
    await setup.host.advance(120_000)
    expect((await sleeper.closed)?.code).toBe('ErrBackpressure')
  })

  it('of a reader keeps a replaced snapshot whole until it was read, then removes it', async () => {
    const setup = await setUpRelay()
    const long = createTestChain(3)
    const writer = await publish(setup, long, [1])
    const first = await snapshotOf(long, long.head, 12_000)
    await upload(writer, long, first)
    await writer.take()
    const reader = await connectSleeper(setup)
    void reader.send({ type: 'want-snapshot', shard: long.shard, seqMin: toSeq(1) })
    await setup.host.advance(50)
    await writer.send({ type: 'run', bytes: await long.run(1) })
    await upload(writer, long, await snapshotOf(long, long.head, 10))
    await writer.take()
    const parts: Uint8Array[] = []
    for (let isLast = false; !isLast; ) {
      const receiving = reader.receive()
      await setup.host.advance(10)
      const part = await receiving
      if (part.type !== 'snapshot') throw new Error(`a ${part.type} came`)
      parts.push(part.bytes)
      isLast = part.last
    }
    expect(equalBytes(concatBytes(...parts), first)).toBe(true)
    const closing = setup.relay.close()
    await setup.host.settle()
    await closing
    const device = setup.store.device(long.shard)
    await device.acquire()
    expect((await device.list()).filter((name) => name.startsWith('snapshot'))).toHaveLength(1)
  })
})

describe('a bad network', () => {
  it('delays and cuts; a writer that reconnects brings everything over in the end', async () => {
    const setup = await setUpRelay()
    const long = createTestChain(4)
    const random = setup.host.seededRandom
    for (let index = 0; index < 12; index++) await long.run(1, 200)
    setup.hub.setFaults({ delayMinMs: 1, delayMaxMs: 40 })
    let stored = 0
    for (let attempt = 0; attempt < 60 && stored < long.frames.length; attempt++) {
      const connecting = setup.connect(long.signer, 'writer')
      connecting.catch(() => undefined)
      await setup.host.advance(500)
      const writer = await connecting.catch(() => undefined)
      if (writer === undefined) continue
      writer.send(headsOf(long)).catch(() => undefined)
      await setup.host.advance(100)
      const heads = (await writer.take()).find((answer) => answer.type === 'heads')
      stored = heads?.type === 'heads' ? Number(heads.heads[0]?.position.seq ?? 0n) : stored
      const authority = { type: 'authority', shard: long.shard, frames: long.authority } as const
      writer.send(authority).catch(() => undefined)
      for (let from = stored + 1; from <= long.frames.length; from++) {
        const run = { type: 'run', bytes: await long.rerun(from, from) } as const
        writer.send(run).catch(() => undefined)
      }
      await setup.host.advance(random.below(60))
      setup.hub.cut()
      await setup.host.settle()
    }
    expect(stored).toBe(long.frames.length)
    expect(setup.relay.counters.forks).toBe(0)
  })
})
