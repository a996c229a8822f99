/** The disk of a simulated browser: one worker at a time may have it, as with the access handles of OPFS.
 *  Keeps: what a worker that died had not synced is lost, kept, or kept in parts; nothing that it still does
 *  reaches the disk. */

import type { DatabasePlace } from '../../src/database/remove.ts'
import type { Device } from '../../src/storage/device.ts'
import { inUseFailure } from '../../src/storage/failures.ts'
import { createFaultyDisk, type FaultyDisk } from '../../src/storage/faulty.ts'
import { withPatience } from '../../src/storage/patience.ts'
import type { Agent, World } from './tabs-world.ts'

export type SharedDisk = {
  device(worker: Agent): Device
  /** Where its files are, to remove them. */
  readonly place: DatabasePlace
  /** What it has now. */
  readonly now: FaultyDisk
  readonly holder: Agent | undefined
  /** How often a worker has taken it. */
  readonly takenCount: number
  /** Whoever asked for it while another worker had it that was not ended. */
  readonly intruders: readonly string[]
}

/** So that a flush takes a while, in which its worker may die. */
const SYNC_MS = 1

export function createSharedDisk(
  world: World,
  { isDurable, freeMsMax }: { readonly isDurable: boolean; readonly freeMsMax: number },
): SharedDisk {
  let now = createFaultyDisk({ name: 'simulated', syncDelayMs: SYNC_MS })
  let holder: Agent | undefined
  let takenCount = 0
  let isThere = false
  const intruders: string[] = []
  /** Of what it had not synced all is lost, all is kept, or each with its own luck. */
  const onDeath = (): void => {
    const share = world.random.pick([0, 0.5, 1])
    now = now.crash(() => world.random.chance(share))
    const gone = holder
    world.after(world.random.below(freeMsMax), () => {
      if (holder === gone) holder = undefined
    })
  }
  const acquire = async (worker: Agent): Promise<Device> => {
    const inner = await withPatience(worker.host, async () => {
      if (worker.isDead) return new Promise<never>(() => undefined)
      if (holder !== undefined) {
        if (!holder.isDead) intruders.push(`${worker.name} at ${holder.name}`)
        return undefined
      }
      holder = worker
      return now.device(worker.host)
    })
    if (inner === undefined) {
      throw inUseFailure('simulated', { who: holder?.name ?? 'somebody', sinceMs: 0 })
    }
    takenCount += 1
    isThere = true
    worker.onDeath.add(onDeath)
    await inner.acquire()
    return inner
  }
  return {
    device: (worker) =>
      createSharedDevice(isDurable, {
        acquire: () => acquire(worker),
        release: () => {
          worker.onDeath.delete(onDeath)
          if (holder === worker && !worker.isDead) holder = undefined
        },
      }),
    place: {
      list: async () => (isThere ? ['log'] : undefined),
      removeEntry: async () => {
        now = createFaultyDisk({ name: 'simulated', syncDelayMs: SYNC_MS })
      },
      remove: async () => {
        isThere = false
      },
    },
    get now() {
      return now
    },
    get holder() {
      return holder
    },
    get takenCount() {
      return takenCount
    },
    intruders,
  }
}

function createSharedDevice(
  isDurable: boolean,
  { acquire, release }: { acquire(): Promise<Device>; release(): void },
): Device {
  let inner: Device | undefined
  const owned = (): Device => {
    if (inner === undefined) throw new Error('A device is acquired before it is used.')
    return inner
  }
  return {
    kind: 'memory',
    durable: isDurable,
    reason: 'a simulated disk',
    acquire: async () => {
      inner = await acquire()
    },
    list: () => owned().list(),
    sizes: () => owned().sizes(),
    open: (names) => owned().open(names),
    remove: (names) => owned().remove(names),
    close: async () => {
      await inner?.close()
      if (inner !== undefined) release()
    },
  }
}
