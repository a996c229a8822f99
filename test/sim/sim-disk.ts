/** Disk: what of a node outlives its processes, and the device through which each process sees it.
 *  The fault model of the disk itself is src/storage/faulty.ts; this adds that a process dies between any
 *  two steps on it, that every asynchronous step takes time, and that the whole disk is replaced: after
 *  power loss, by an old image, by a clone.
 *  Keeps: a killed process changes nothing any more. */

import type { Device, DeviceFile } from '../../src/storage/device.ts'
import { createFaultyDisk, type FaultyDisk } from '../../src/storage/faulty.ts'
import type { Random } from '../../src/testing/random.ts'
import type { SimProcess } from './process.ts'

export type SimDisk = {
  /** The device for one process. */
  device(process: SimProcess): Device
  /** The process that had it is gone; what it wrote is still in the cache of the system. */
  abandon(): void
  /** The power is lost: of what was not synced any subset stays, chosen by `random`. */
  losePower(random: Random): void
  /** All files as they are now. */
  image(): FaultyDisk
  /** Puts another disk in its place: nothing of this one stays. */
  replace(image: FaultyDisk): void
  /** Another write and another sync fail, or there is room for `bytes` more only. */
  failWrite(nth: number, keptBytes: number): void
  failSync(nth: number): void
  fill(bytes: number): void
  /** No fault from now on. */
  heal(): void
  readonly isEmpty: boolean
  /** A fault came true, or may yet, since it was new or replaced: what came of it may show long after. */
  readonly isFaulty: boolean
}

const STEP_MS = 0.3
const FAR = 1_000_000_000

export function createSimDisk(name: string, syncDelayMs: number | undefined): SimDisk {
  let disk = createFaultyDisk({ name, ...(syncDelayMs === undefined ? {} : { syncDelayMs }) })
  let isFaulty = false
  return {
    device: (process) => wrapDevice(disk.device(process.host), process),
    abandon: () => disk.abandon(),
    losePower(random) {
      // Nothing, everything, a coin for each sector, or nearly everything.
      const share = random.pick([0, 1, 0.5, 0.9])
      disk = disk.crash(() => random.chance(share))
    },
    image: () => disk.crash(() => true),
    replace(image) {
      disk = image.crash(() => true)
      disk.limitBytes(Number.POSITIVE_INFINITY)
      isFaulty = false
    },
    failWrite(nth, keptBytes) {
      isFaulty = true
      disk.failWrite(nth, keptBytes)
    },
    failSync(nth) {
      isFaulty = true
      disk.failSync(nth)
    },
    fill(bytes) {
      isFaulty = true
      disk.limitBytes(disk.sizeBytes + bytes)
    },
    heal() {
      disk.failWrite(FAR)
      disk.failSync(FAR)
      disk.limitBytes(Number.POSITIVE_INFINITY)
    },
    get isEmpty() {
      return disk.sizeBytes === 0
    },
    get isFaulty() {
      return isFaulty
    },
  }
}

function wrapDevice(device: Device, process: SimProcess): Device {
  const step = async <T>(task: () => Promise<T>): Promise<T> => {
    await process.pause(STEP_MS)
    process.step()
    const result = await task()
    await process.pause(STEP_MS)
    return result
  }
  return {
    kind: device.kind,
    durable: device.durable,
    reason: device.reason,
    acquire: () => step(() => device.acquire()),
    list: () => step(() => device.list()),
    sizes: () => step(() => device.sizes()),
    open: (names) =>
      step(async () => (await device.open(names)).map((file) => wrapFile(file, process))),
    remove: (names) => step(() => device.remove(names)),
    close: () => step(() => device.close()),
  }
}

function wrapFile(file: DeviceFile, process: SimProcess): DeviceFile {
  return {
    size() {
      process.step()
      return file.size()
    },
    read(at, into) {
      process.step()
      return file.read(at, into)
    },
    write(at, bytes) {
      process.step()
      file.write(at, bytes)
    },
    truncate(sizeBytes) {
      process.step()
      file.truncate(sizeBytes)
    },
    sync() {
      process.step()
      return file.sync()
    },
    close: () => file.close(),
  }
}
