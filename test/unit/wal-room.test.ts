/** Room in a group: frames that were staged with room and the record that follows them are never apart, not
 *  at the most records of a group, nor at the cap, nor on a full device. */

import { describe, expect, it } from 'vitest'
import { isFailure } from '../../src/base/failure.ts'
import { createFaultyDisk } from '../../src/storage/faulty.ts'
import { GROUP_RECORDS_MAX, REQUEST_RECORD_BYTES_MAX } from '../../src/wal/layout.ts'
import type { RecordPlace } from '../../src/wal/records.ts'
import { createWal, openWal, type Wal } from '../../src/wal/wal.ts'
import { type Chain, createChain, markAt, START } from './wal-chain.ts'
import { create, host } from './wal-disk.ts'

/** Frames, then the entry of the request that they belong to. */
function stageBoth(
  wal: Wal,
  chain: Chain,
  { payloadBytes = 20, roomBytes = REQUEST_RECORD_BYTES_MAX } = {},
): { readonly frames: RecordPlace; readonly entry: RecordPlace } {
  const frame = chain.add(payloadBytes)
  const frames = wal.stage({ type: 'frames', frames: [frame] }, roomBytes)
  const outcome = { type: 'answered', changes: 1, lastInsertRowid: 2 } as const
  const requests = [{ id: new Uint8Array(16), seq: frame.seq, outcome }]
  return { frames, entry: wal.stage({ type: 'requests', requests }) }
}

function fillUpTo(wal: Wal, records: number): void {
  for (let index = 0; index < records; index++) wal.stage({ type: 'requests', requests: [] })
}

describe('room in a group', () => {
  it('keeps both together at the most records of a group, and after a crash', async () => {
    for (let left = 0; left <= 2; left++) {
      const world = await create()
      const { wal, chain, disk } = world
      fillUpTo(wal, GROUP_RECORDS_MAX - left)
      const { frames, entry } = stageBoth(wal, chain)
      expect(entry, `${left} left`).toEqual({ group: frames.group, index: frames.index + 1 })
      await wal.flush()
      const device = disk.crash(() => false).device(host)
      await device.acquire()
      const records = (await openWal({ host, device }))?.recovery.records ?? []
      expect(records.slice(-2).map(({ place }) => place)).toEqual([frames, entry])
    }
  })

  it('is needed: without it one record left tears them apart', async () => {
    const { wal, chain } = await create()
    fillUpTo(wal, GROUP_RECORDS_MAX - 1)
    const { frames, entry } = stageBoth(wal, chain, { roomBytes: 0 })
    expect(entry.group).toBe(frames.group + 1n)
  })

  it('is refused as a whole at the cap', async () => {
    let refused = 0
    for (let payloadBytes = 16_300; payloadBytes <= 16_700; payloadBytes += 10) {
      const { wal, chain } = await create({ capBytes: 20_000 })
      await stageAndFlush(wal, chain)
      try {
        stageBoth(wal, chain, { payloadBytes })
        await wal.flush()
        expect(wal.logBytes, `${payloadBytes}`).toBeLessThanOrEqual(20_000)
      } catch (error) {
        expect(isFailure(error, 'ErrWalFull')).toBe(true)
        expect(wal.stagedBytes, `${payloadBytes}`).toBe(0)
        refused += 1
      }
    }
    expect(refused).toBeGreaterThan(0)
    expect(refused).toBeLessThan(41)
  })

  it('is refused as a whole where the device is full', async () => {
    let refused = 0
    const capacities = [
      0, 60_000, 65_536, 65_600, 65_700, 66_000, 70_000, 131_200, 140_000, 300_000,
    ]
    for (const more of capacities) {
      const disk = createFaultyDisk()
      const device = disk.device(host)
      await device.acquire()
      const wal = await createWal({ host, device, mark: markAt(START) })
      const chain = createChain()
      disk.limitBytes(disk.sizeBytes + more)
      try {
        stageBoth(wal, chain, { payloadBytes: 66_000 })
        await wal.flush()
      } catch (error) {
        expect(isFailure(error, 'ErrQuota'), `${more}`).toBe(true)
        expect(wal.stagedBytes, `${more}`).toBe(0)
        refused += 1
      }
    }
    expect(refused).toBeGreaterThan(0)
    expect(refused).toBeLessThan(capacities.length)
  })
})

async function stageAndFlush(wal: Wal, chain: Chain): Promise<void> {
  wal.stage({ type: 'frames', frames: [chain.add(3000)] })
  await wal.flush()
}
