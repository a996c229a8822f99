/** A follower and a hostile or broken far end: it believes only the address.  Each refusal has its own
 *  error, is dialled again, and changes nothing. */

import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ConstelliteError } from '../../src/base/failure.ts'
import { type Hlc, toSeq } from '../../src/base/ids.ts'
import { hlcToMs } from '../../src/clock/hlc.ts'
import { signerFromSeed } from '../../src/crypto/signer-noble.ts'
import { encodeRun } from '../../src/frame/run.ts'
import { createSeal, decodeSeal } from '../../src/frame/seal.ts'
import { GAP_DEADLINE_MS } from '../../src/replication/follow-watch.ts'
import type { Shard } from '../../src/shard/shard.ts'
import { createMemoryDevice, type MemoryDisk } from '../../src/storage/memory.ts'
import {
  createWorld,
  encoded,
  flipped,
  isSame,
  listenScripted,
  serveRuns,
  singleRuns,
  type World,
} from './replication-fixtures.ts'
import { commit, contents, openFollower, openOn, openWriter, seedOf } from './shard-fixtures.ts'

let world: World
let writer: Shard
let copy: Shard
let disk: MemoryDisk

beforeEach(async () => {
  world = createWorld()
  const bench = await openWriter(world.host)
  writer = bench.shard
  disk = bench.disk
  await writer.seal()
  for (let number = 1; number <= 5; number++) {
    await commit(writer, { [number]: number })
    await writer.seal()
    await writer.flush()
  }
  copy = (await openFollower(writer, world.host)).shard
})

afterEach(() => world.close())

function cloneOf(source: MemoryDisk): MemoryDisk {
  const files = new Map([...source.files].map(([name, file]) => [name, file.clone()]))
  return { ...source, files, owner: undefined }
}

describe('a far end that damages', () => {
  it('is refused at any flipped byte of a run, dialled again, and nothing changed', async () => {
    const runs = encoded(await singleRuns(writer))
    const third = runs[2] as Uint8Array
    const places = Array.from({ length: 40 }, (_, index) =>
      Math.floor((index * third.byteLength) / 40),
    )
    let at = 0
    const script = listenScripted(
      world,
      serveRuns({
        writer,
        runs: () => [...runs.slice(0, 2), flipped(third, places[at] as number)],
      }),
    )
    const following = world.sync(copy, 'follower')
    for (; at < places.length; at++) {
      const connections = script.peers.length
      const isDialled = await world.until(() => script.peers.length > connections + 1)
      expect(isDialled, `byte ${places[at]}`).toBe(true)
      const code = following.status.failure?.code
      // The header names shard, author, epoch and seqs, which have errors of their own.
      expect(
        ['ErrDecode', 'ErrChecksum', 'ErrSignature', 'ErrAuthor', 'ErrShardMismatch', 'ErrGap'],
        `byte ${places[at]}`,
      ).toContain(code)
      if ((places[at] as number) > 300) expect(['ErrDecode', 'ErrChecksum']).toContain(code)
      expect(copy.head.seq).toBe(2n)
      expect(contents(copy)).toEqual([1])
      expect(copy.halted).toBeUndefined()
    }
  })

  it('whose runs are forged by another author is refused with ErrAuthor', async () => {
    const runs = await singleRuns(writer)
    const [first, second] = runs
    const forger = signerFromSeed(seedOf(66))
    const { shard, epoch, seq, checksum, root } = second!.seal
    const seal = await createSeal(forger, { shard, epoch, seq, checksum, root })
    listenScripted(
      world,
      serveRuns({ writer, runs: () => encoded([first!, { ...second!, seal }]) }),
    )
    const following = world.sync(copy, 'follower')
    await world.until(() => following.status.failure !== undefined)
    expect(following.status.failure?.code).toBe('ErrAuthor')
    expect(following.status.counters['refused']).toBeGreaterThan(0)
    expect(copy.head.seq).toBe(1n)
    expect(copy.halted).toBeUndefined()
  })
})

describe('a far end that withholds', () => {
  it('is asked once more for a gap, then refused with ErrGap', async () => {
    const runs = encoded(await singleRuns(writer))
    const script = listenScripted(
      world,
      serveRuns({ writer, runs: () => [runs[0]!, runs[1]!, ...runs.slice(3)] }),
    )
    const following = world.sync(copy, 'follower')
    const wants = () => script.received.filter(({ type }) => type === 'want').length
    await world.until(() => copy.head.seq === 2n)
    expect(wants()).toBe(1)
    await world.host.advance(GAP_DEADLINE_MS)
    expect(wants()).toBe(2)
    expect(following.status.counters['gapsAsked']).toBe(1)
    expect(following.status.failure).toBeUndefined()
    await world.host.advance(GAP_DEADLINE_MS)
    expect(following.status.failure?.code).toBe('ErrGap')
    expect(following.status.failure?.facts['seq']).toBe(3n)
    expect(copy.head.seq).toBe(2n)
  })

  it('shows only as the age of asOf when it keeps the tail for itself', async () => {
    const runs = await singleRuns(writer)
    const third = runs[2]!
    listenScripted(
      world,
      serveRuns({
        writer,
        head: () => ({ seq: third.seal.seq, checksum: third.seal.checksum }),
        runs: () => encoded(runs.slice(0, 3)),
      }),
    )
    const following = world.sync(copy, 'follower')
    await world.until(() => following.status.state === 'live')
    await world.host.advance(600_000)
    const { state, failure, pending, asOf } = following.status
    expect({ state, failure, pending }).toEqual({ state: 'live', failure: undefined, pending: 0 })
    expect(asOf).toBe(hlcToMs(third.frames.at(-1)!.hlc))
    expect(world.host.now() - asOf!).toBeGreaterThanOrEqual(600_000)
  })

  it('is asked again when it named more than it sent, without an error', async () => {
    const runs = encoded(await singleRuns(writer))
    listenScripted(
      world,
      serveRuns({ writer, runs: (from) => (from === 1n ? runs.slice(0, 3) : runs.slice(3)) }),
    )
    const following = world.sync(copy, 'follower')
    await world.until(() => copy.head.seq === 3n)
    expect(following.status.pending).toBe(3)
    expect(await world.until(() => isSame(writer, copy), 120_000)).toBe(true)
    expect(following.status.counters['stallsAsked']).toBe(1)
  })
})

describe('a far end that shuffles', () => {
  it('has swapped and repeated runs absorbed and counted', async () => {
    const runs = encoded(await singleRuns(writer))
    const order = [3, 0, 2, 2, 0, 1, 5, 4, 3]
    listenScripted(world, serveRuns({ writer, runs: () => order.map((index) => runs[index]!) }))
    const following = world.sync(copy, 'follower')
    await world.until(() => isSame(writer, copy))
    expect(contents(copy)).toEqual([1, 2, 3, 4, 5])
    const { applied, duplicate, early, refused } = following.status.counters
    expect({ applied, duplicate, early, refused }).toEqual({
      applied: 6,
      duplicate: 3,
      early: 3,
      refused: undefined,
    })
    expect(following.status.failure).toBeUndefined()
  })

  it('has a longer run replace the shorter one that waits at its seq', async () => {
    const runs = await singleRuns(writer)
    const tail = {
      ...runs[2]!,
      frames: runs.slice(2).flatMap(({ frames }) => frames),
      seal: runs.at(-1)!.seal,
    }
    listenScripted(
      world,
      serveRuns({ writer, runs: () => encoded([runs[0]!, runs[2]!, tail, runs[1]!]) }),
    )
    world.sync(copy, 'follower')
    await world.until(() => isSame(writer, copy), 2_000)
    expect(isSame(writer, copy)).toBe(true)
  })
})

describe('a far end that shows a fork', () => {
  async function forkedRuns() {
    const restored = await openOn(createMemoryDevice(world.host, cloneOf(disk)), world.host)
    await commit(writer, { 1: 10 })
    await commit(restored, { 1: 20 })
    const ours = await singleRuns(writer)
    await restored.seal()
    return { ours, theirs: restored.readRun(toSeq(7), 1)! }
  }

  it.each([
    ['beside what is applied', false],
    ['beside what waits', true],
  ])('halts the copy with both seals and stops: %s', async (_, isEarly) => {
    const { ours, theirs } = await forkedRuns()
    const order = isEarly ? [...ours.slice(0, 3), ours.at(-1)!, theirs] : [...ours, theirs]
    const script = listenScripted(world, serveRuns({ writer, runs: () => encoded(order) }))
    const following = world.sync(copy, 'follower')
    await world.until(() => following.status.state === 'halted')
    expect(copy.halted?.code).toBe('ErrForked')
    for (const side of ['ours', 'theirs'] as const) {
      expect(decodeSeal(copy.halted?.facts[side] as Uint8Array).ok).toBe(true)
    }
    const connections = script.peers.length
    await world.host.advance(120_000)
    expect(script.peers).toHaveLength(connections)
  })
})

describe('a copy that halts', () => {
  it('ends its sessions with every other relay too', async () => {
    const runs = encoded(await singleRuns(writer))
    const other = 'wss://other.example'
    const script = listenScripted(world, serveRuns({ writer, runs: () => runs }), other)
    world.sync(copy, 'follower', { urls: [other] })
    await world.until(() => isSame(writer, copy))
    copy.halt(
      new ConstelliteError({
        hint: 'Try it.',
        code: 'ErrForked',
        message: 'evidence from elsewhere',
      }),
    )
    let isClosed = false
    script.peers[0]?.closed.then(() => {
      isClosed = true
    })
    expect(await world.until(() => isClosed, 5_000)).toBe(true)
    const connections = script.peers.length
    await world.host.advance(120_000)
    expect(script.peers).toHaveLength(connections)
  })
})

describe('a far end that only talks', () => {
  it.each(['writer', 'follower'] as const)(
    'does not halt a %s by saying ErrForked',
    async (role) => {
      const script = listenScripted(world, async (envelope, peer) => {
        if (envelope.type !== 'heads') return
        const failure = new ConstelliteError({
          hint: 'Try it.',
          code: 'ErrForked',
          message: 'so I say',
        })
        if (script.peers.length % 2 === 0) peer.close(failure)
        else await peer.send({ type: 'error', code: 'ErrForked', text: 'so I say' })
      })
      const shard = role === 'writer' ? writer : copy
      const syncing = world.sync(shard, role)
      await world.until(() => script.peers.length > 4)
      expect(script.peers.length).toBeGreaterThan(4)
      expect(shard.halted).toBeUndefined()
      expect(syncing.status.failure?.code).toBe('ErrForked')
    },
  )

  it('cannot end a writer that is sending by closing with ErrForked', async () => {
    const script = listenScripted(world, async (envelope, peer) => {
      if (envelope.type === 'heads') {
        await peer.send({ type: 'heads', shard: writer.id, heads: [], first: toSeq(0) })
      } else
        peer.close(
          new ConstelliteError({ hint: 'Try it.', code: 'ErrForked', message: 'so I say' }),
        )
    })
    world.sync(writer, 'writer')
    await world.until(() => script.peers.length > 4)
    expect(writer.halted).toBeUndefined()
  })

  it('has a run refused whose clock does not rise', async () => {
    const runs = await singleRuns(writer)
    const last = runs.at(-1)!
    const frame = { ...last.frames[0]!, hlc: 1n as Hlc }
    const bytes = encodeRun({ ...last, frames: [{ ...frame, checksum: last.seal.checksum }] })
    listenScripted(world, serveRuns({ writer, runs: () => [...encoded(runs.slice(0, -1)), bytes] }))
    const following = world.sync(copy, 'follower')
    await world.until(() => following.status.failure !== undefined)
    // The clock is part of the checksum that the seal signs.
    expect(following.status.failure?.code).toBe('ErrChecksum')
  })
})
