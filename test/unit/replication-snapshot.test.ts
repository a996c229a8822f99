/** A snapshot from a far end that damages, reorders, cuts or forgets it: refused, dialled again, and the
 *  honest one is taken in the end. */

import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Seq, toSeq } from '../../src/base/ids.ts'
import { SILENCE_MS } from '../../src/replication/session.ts'
import type { Shard } from '../../src/shard/shard.ts'
import { createMemoryDevice, createMemoryDisk, type MemoryDisk } from '../../src/storage/memory.ts'
import type { Peer } from '../../src/transport/transport.ts'
import { createWorld, isSame, listenScripted, type World } from './replication-fixtures.ts'
import { commit, contents, openOn, openWriter, snapshotBytes } from './shard-fixtures.ts'

let world: World
let writer: Shard
let copy: Shard
let disk: MemoryDisk
let whole: Uint8Array

beforeEach(async () => {
  world = createWorld()
  writer = (await openWriter(world.host)).shard
  await commit(writer, { 1: 1, 2: 2, 3: 3 })
  whole = await snapshotBytes(writer)
  disk = createMemoryDisk('copy')
  const device = createMemoryDevice(world.host, disk)
  copy = await openOn(device, world.host, { seed: 2, follow: writer.id })
})

afterEach(() => world.close())

type Part = { readonly index: number; readonly last: boolean; readonly bytes: Uint8Array }

function partsOf(bytes: Uint8Array): Part[] {
  const size = Math.ceil(bytes.byteLength / 4)
  return [0, 1, 2, 3].map((index) => ({
    index,
    last: index === 3,
    bytes: bytes.slice(index * size, (index + 1) * size),
  }))
}

/** Serves no frames; answers each want for a snapshot with what `parts` gives for that connection. */
function serveSnapshots(parts: (connection: number) => readonly Part[]) {
  const shard = (): Uint8Array => writer.id
  const send = async (peer: Peer, connection: number): Promise<void> => {
    for (const part of parts(connection)) {
      await peer.send({ type: 'snapshot', shard: shard(), ...part })
    }
  }
  return listenScripted(world, async (envelope, peer, connection) => {
    if (envelope.type === 'heads') {
      if (envelope.heads.length === 0) {
        await peer.send({ type: 'authority', shard: shard(), frames: writer.authority })
      }
      const heads = [{ author: writer.ownAuthor, position: writer.head }]
      await peer.send({ type: 'heads', shard: shard(), heads, first: toSeq(0) as Seq })
    }
    if (envelope.type === 'want-snapshot') await send(peer, connection)
  })
}

describe('a snapshot on its way', () => {
  const honest = (): Part[] => partsOf(whole)
  const flippedIn = (index: number): Part[] =>
    honest().map((part) => {
      if (part.index !== index) return part
      const bytes = part.bytes.slice()
      bytes[bytes.length - 1]! ^= 1
      return { ...part, bytes }
    })
  const cases: readonly (readonly [string, () => Part[], RegExp])[] = [
    ['damaged in its last page', () => flippedIn(3), /^ErrChecksum$/],
    ['damaged earlier', () => flippedIn(0), /^Err(Checksum|Decode|Signature)$/],
    ['cut short by its last part', () => honest().slice(0, 2).map(ended), /^ErrDecode$/],
    ['with two parts swapped', () => [0, 2, 1, 3].map((at) => honest()[at]!), /^ErrProtocol$/],
    ['with a part twice', () => [0, 1, 1, 2, 3].map((at) => honest()[at]!), /^ErrProtocol$/],
    ['with a part missing', () => [0, 1, 3].map((at) => honest()[at]!), /^ErrProtocol$/],
  ]
  for (const [what, parts, code] of cases) {
    it(`${what} is refused, and the next one taken`, async () => {
      const seen: string[] = []
      const script = serveSnapshots((connection) => (connection < 3 ? parts() : honest()))
      const following = world.sync(copy, 'follower')
      following.onStatus(({ failure }) => failure && seen.push(failure.code))
      await world.until(() => script.peers.length > 1)
      expect(copy.head.seq).toBe(0n)
      expect(await world.until(() => isSame(writer, copy))).toBe(true)
      expect(contents(copy)).toEqual([1, 2, 3])
      expect(seen[0]).toMatch(code)
      const files = [...disk.files.keys()].filter((name) => /^(pages|leaves)-/.test(name))
      expect(files).toHaveLength(2)
    })
  }

  function ended(part: Part, index: number, all: readonly Part[]): Part {
    return { ...part, last: index === all.length - 1 }
  }

  it('that is never finished is given up, and the rest of a broken connection is not waited for', async () => {
    const script = serveSnapshots((connection) =>
      connection < 3 ? honest().slice(0, connection) : honest(),
    )
    const following = world.sync(copy, 'follower')
    await world.until(() => following.status.progress !== undefined)
    await world.host.advance(SILENCE_MS)
    expect(following.status.failure?.code).toBe('ErrTimeout')
    await world.until(() => script.peers.length === 2)
    world.hub.cut()
    expect(await world.until(() => isSame(writer, copy))).toBe(true)
    expect(following.status.progress).toBeUndefined()
    expect(following.status.failure).toBeUndefined()
  })

  it('that nobody has is told as ErrUnavailable, and asked for again later', async () => {
    const script = listenScripted(world, async (envelope, peer) => {
      const shard = writer.id
      if (envelope.type === 'heads') {
        await peer.send({ type: 'authority', shard, frames: writer.authority })
        const heads = [{ author: writer.ownAuthor, position: writer.head }]
        await peer.send({ type: 'heads', shard, heads, first: toSeq(0) })
      }
      if (envelope.type !== 'want-snapshot') return
      await peer.send({ type: 'error', code: 'ErrUnavailable', text: 'nothing here' })
    })
    const following = world.sync(copy, 'follower')
    await world.until(() => script.peers.length > 2)
    expect(script.peers.length).toBeGreaterThan(2)
    expect(following.status.failure).toMatchObject({ code: 'ErrUnavailable', retry: 'later' })
    expect(copy.halted).toBeUndefined()
  })
})
