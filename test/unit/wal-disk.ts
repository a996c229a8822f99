/** A log on a faulty disk, and what it holds after power loss. */

import { createFaultyDisk, type FaultyDisk } from '../../src/storage/faulty.ts'
import { createManualHost, type ManualHost } from '../../src/testing/manual-host.ts'
import { createWal, openWal, type Wal, type WalOptions } from '../../src/wal/wal.ts'
import { type Chain, createChain, markAt, START } from './wal-chain.ts'

export type World = { readonly wal: Wal; readonly chain: Chain; readonly disk: FaultyDisk }

export const host: ManualHost = createManualHost()

export async function create(
  options: WalOptions = {},
  disk: FaultyDisk = createFaultyDisk(),
): Promise<World> {
  const device = disk.device(host)
  await device.acquire()
  const wal = await createWal({ host, device, mark: markAt(START), options })
  return { wal, chain: createChain(), disk }
}

/** The log as the disk holds it after power loss that loses everything not synced. */
export async function afterPowerLoss({ disk }: World): Promise<Wal> {
  const device = disk.crash(() => false).device(host)
  await device.acquire()
  const opened = await openWal({ host, device })
  if (opened === undefined) throw new Error('there is a log')
  return opened.wal
}

export async function commit({ wal, chain }: World, count: number, size = 100): Promise<void> {
  for (let index = 0; index < count; index++) {
    wal.stage({ type: 'frames', frames: [chain.add(size)] })
    await wal.flush()
  }
}
