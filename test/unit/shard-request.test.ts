/** Requests in a shard: an entry never stands without its frames nor they without it, whatever group they
 *  fall into; entries go with the frames that a hand-over cuts off; own frames that come back from elsewhere
 *  leave their requests unknown, not unheard of. */

import { describe, expect, it } from 'vitest'
import type { RequestFate } from '../../src/shard/requests.ts'
import type { Shard } from '../../src/shard/shard.ts'
import { createFaultyDisk } from '../../src/storage/faulty.ts'
import { createMemoryDevice, type MemoryDisk } from '../../src/storage/memory.ts'
import { createManualHost, type ManualHost } from '../../src/testing/manual-host.ts'
import { GROUP_RECORDS_MAX } from '../../src/wal/layout.ts'
import { createRequestId } from '../../src/wal/request-id.ts'
import {
  cloneDisk,
  commit,
  drive,
  openHeir,
  openOn,
  openWriter,
  PAGE_SIZE,
  page,
  runsOf,
  snapshotBytes,
  stream,
  takeOver,
  throughWire,
} from './shard-fixtures.ts'

function idAt(host: ManualHost, counter: number, laterS = 0): Uint8Array {
  const seconds = Math.floor(host.now() / 1000) + laterS
  return createRequestId(new Uint8Array(8).fill(3), seconds, counter)
}

/** Stages one commit that changes a page. */
function stage(shard: Shard, fill: number): void {
  const changes = new Map([[1, page(fill)]])
  shard.commit({ changes, pageCount: 1, pageSize: PAGE_SIZE, tables: ['t'] })
}

/** A request of as many commits as there are fills. */
function request(shard: Shard, id: Uint8Array, ...fills: readonly number[]): void {
  shard.requests.begin(id)
  for (const fill of fills) stage(shard, fill)
  shard.requests.end({ type: 'done' })
}

function kindOf(fate: RequestFate): string {
  return typeof fate === 'string' ? fate : fate.outcome.type
}

describe('a group that is full', () => {
  it('in the middle of a request leaves its beginning after a crash, and says so', async () => {
    const host = createManualHost()
    const disk = createFaultyDisk()
    const shard = await drive(host, openOn(disk.device(host), host))
    const id = idAt(host, 1)
    for (let left = GROUP_RECORDS_MAX; left > 4; left--) stage(shard, left & 0xff)
    // A commit, that it has begun, and a commit with room for an entry: the third is in the next group.
    request(shard, id, 1, 2, 3)
    const whole = shard.head.seq
    // Each group is a write of its own.
    disk.failWrite(2)
    await drive(host, shard.flush()).catch(() => undefined)
    const later = await drive(host, openOn(disk.crash(() => true).device(host), host))
    expect(later.head.seq).toBe(whole - 1n)
    expect(later.requests.find(id)).toEqual({
      id,
      seq: whole - 2n,
      outcome: { type: 'begun' },
    })
  }, 60_000)
})

describe('requests', () => {
  it('of work that commits nothing leave nothing', async () => {
    const { host, shard } = await openWriter()
    await commit(shard, { 1: 1 })
    shard.requests.begin(idAt(host, 1))
    stage(shard, 1)
    shard.requests.end({ type: 'done' })
    expect(shard.requests.find(idAt(host, 1))).toBe('absent')
  })

  it('are one at a time', async () => {
    const { host, shard } = await openWriter()
    shard.requests.begin(idAt(host, 1))
    expect(() => shard.requests.begin(idAt(host, 2))).toThrow('one request')
  })

  it('are kept by a checkpoint, also what it no longer knows of', async () => {
    const { host, disk, shard } = await openWriter()
    request(shard, idAt(host, 1), 1)
    request(shard, idAt(host, 2, 1_000), 2)
    await drive(host, shard.checkpoint())
    const again = await reopen(host, disk)
    expect(again.requests.find(idAt(host, 1))).toBe('unknown')
    expect(kindOf(again.requests.find(idAt(host, 2, 1_000)))).toBe('done')
    expect(again.requests.find(idAt(host, 3, 1_000))).toBe('absent')
  })

  it('whose frames a hand-over cut off may run again; the others are known', async () => {
    const { host, disk, shard: writer } = await openWriter()
    request(writer, idAt(host, 1), 1)
    await drive(host, writer.flush())
    const { shard: heir, host: heirHost } = await openHeir(writer, 2)
    request(writer, idAt(host, 2), 2)
    await drive(host, writer.flush())
    await drive(heirHost, takeOver(heir))
    await drive(heirHost, commit(heir, { 1: 9 }))
    expect(() => writer.adoptAuthority(heir.authority)).toThrow(
      expect.objectContaining({ code: 'ErrSuperseded' }),
    )
    await drive(host, writer.close())
    const follower = await reopen(host, disk, writer.id)
    expect(kindOf(follower.requests.find(idAt(host, 2)))).toBe('done')
    const snapshot = await drive(heirHost, snapshotBytes(heir))
    expect(await drive(host, follower.install(stream(snapshot)))).toEqual({ isRewound: true })
    for (const copy of [follower, await reopen(host, disk, writer.id)]) {
      expect(kindOf(copy.requests.find(idAt(host, 1)))).toBe('done')
      expect(copy.requests.find(idAt(host, 2))).toBe('absent')
    }
  })

  it.each(['runs', 'a snapshot'])(
    'of frames that a restored backup gets back as %s are unknown',
    async (way) => {
      const { host, disk, shard: writer } = await openWriter()
      request(writer, idAt(host, 1), 1)
      await drive(host, writer.flush())
      const backup = cloneDisk(disk)
      request(writer, idAt(host, 2), 2)
      await drive(host, writer.flush())
      const restored = await reopen(host, backup)
      expect(restored.requests.find(idAt(host, 2))).toBe('absent')
      if (way === 'runs') {
        for (const run of await drive(host, runsOf(writer, restored.head.seq + 1n))) {
          await drive(host, restored.applyRun(throughWire(restored, run)))
        }
      } else {
        await drive(host, runsOf(writer))
        const snapshot = await drive(host, snapshotBytes(writer))
        await drive(host, restored.install(stream(snapshot)))
      }
      expect(restored.head).toEqual(writer.head)
      for (const copy of [restored, await reopen(host, backup)]) {
        expect(kindOf(copy.requests.find(idAt(host, 1)))).toBe('done')
        expect(copy.requests.find(idAt(host, 2))).toBe('unknown')
        expect(copy.requests.find(idAt(host, 3, 2))).toBe('absent')
      }
    },
  )
})

async function reopen(host: ManualHost, disk: MemoryDisk, follow?: Uint8Array): Promise<Shard> {
  disk.owner = undefined
  const device = createMemoryDevice(host, disk)
  return drive(host, openOn(device, host, follow === undefined ? {} : { follow }))
}
