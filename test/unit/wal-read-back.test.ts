/** Reading back: right in any order, and for a reader that keeps up with the head as cheap late in a long
 *  stretch without run headers as at its beginning. */

import { describe, expect, it } from 'vitest'
import { toSeq } from '../../src/base/ids.ts'
import type { Device } from '../../src/storage/device.ts'
import { createMemoryDevice } from '../../src/storage/memory.ts'
import { createManualHost } from '../../src/testing/manual-host.ts'
import { createRandom } from '../../src/testing/random.ts'
import { createWal } from '../../src/wal/wal.ts'
import { createChain, START } from './wal-chain.ts'

const FRAMES = 150

/** The device, and the bytes that were read through it. */
function counted(device: Device): { readonly device: Device; readBytes: number } {
  const count = {
    readBytes: 0,
    device: {
      ...device,
      open: async (names: readonly string[]) =>
        (await device.open(names)).map((file) => ({
          ...file,
          read(at: number, into: Uint8Array) {
            count.readBytes += into.byteLength
            return file.read(at, into)
          },
        })),
    },
  }
  return count
}

async function setUp() {
  const host = createManualHost()
  const count = counted(createMemoryDevice(host))
  await count.device.acquire()
  const chain = createChain()
  const wal = await createWal({ host, device: count.device, mark: chain.mark(START) })
  return { wal, chain, count }
}

describe('frames that are read back', () => {
  it('as they come cost the same however far the last run header is', async () => {
    const { wal, chain, count } = await setUp()
    const costs: number[] = []
    for (let number = 1; number <= FRAMES; number++) {
      const frame = chain.add(60)
      wal.stage({ type: 'frames', frames: [frame] })
      await wal.flush()
      wal.stage({ type: 'seal', seal: chain.seal() })
      const before = count.readBytes
      expect(wal.readRun(toSeq(number), 1 << 20)?.frames).toEqual([frame])
      costs.push(count.readBytes - before)
    }
    expect(Math.max(...costs.slice(FRAMES / 2))).toBeLessThanOrEqual(
      2 * Math.max(...costs.slice(0, 9)),
    )
  })

  it('in any order are the ones that were written', async () => {
    for (let seed = 1; seed <= 20; seed++) {
      const random = createRandom(seed)
      const { wal, chain } = await setUp()
      for (let step = 0; step < FRAMES; step++) {
        const frames = Array.from({ length: 1 + random.below(3) }, () =>
          chain.add(random.below(400)),
        )
        wal.stage({ type: 'frames', frames })
        if (random.chance(0.7)) await wal.flush()
        if (random.chance(0.02) && chain.head.seq > 9n) {
          await wal.flush()
          const kept = chain.frames[Number(chain.head.seq) - 4]!
          chain.rewind({ seq: kept.seq, checksum: kept.checksum })
          await wal.truncateAfter(chain.head)
        }
        const last = wal.range()?.last
        if (last === undefined) continue
        const seq = toSeq(1 + random.below(Number(last)))
        expect(wal.readFrame(seq), `seed ${seed} step ${step}`).toEqual(
          chain.frames[Number(seq) - 1],
        )
      }
    }
  })
})
