/** The Web Locks of an owner in a browser, alike for every kind of storage, so that one name is one database
 *  wherever it is kept.
 *  Keeps: one lock is the queue; a second says in its name who owns and since when, so that others can read
 *  it.  Both end with their worker; none is ever stolen. */

import type { Host } from '../base/host.ts'
import { inUseFailure, type Owner } from './failures.ts'
import { formatOwner, parseOwner } from './owner-text.ts'
import { withPatience } from './patience.ts'

/** Missing in old browsers, and in pages that are no secure context. */
export function hasWebLocks(): boolean {
  const locks: LockManager | undefined = navigator.locks
  return locks !== undefined
}

type HeldLock = { release(): Promise<void> }

/** Takes both; resolves with what gives them back, undefined where a browser has no locks.  Rejects with
 *  ErrInUse when another has the queue. */
export async function holdOwnerLocks(
  host: Host,
  { name, folder }: { readonly name: string; readonly folder: string },
): Promise<HeldLock | undefined> {
  const locks: LockManager | undefined = navigator.locks
  if (locks === undefined) return undefined
  const queue = await withPatience(host, () => holdLock(locks, `constellite:${folder}`))
  if (queue === undefined) throw inUseFailure(name, await findOwner(locks, folder))
  try {
    const label = formatOwner({ who: host.who, sinceMs: host.now() })
    const sign = await holdLock(locks, `${signPrefix(folder)}${label}`)
    return {
      async release() {
        await sign?.release()
        await queue.release()
      },
    }
  } catch (error) {
    await queue.release()
    throw error
  }
}

function signPrefix(folder: string): string {
  return `constellite-owner:${folder}:`
}

/** Holds the lock until released; undefined when another has it. */
function holdLock(locks: LockManager, name: string): Promise<HeldLock | undefined> {
  return new Promise((resolve, reject) => {
    const done = locks.request(name, { ifAvailable: true }, (lock) => {
      if (lock === null) return resolve(undefined)
      return new Promise<void>((letGo) => {
        resolve({
          async release() {
            letGo()
            // One that was taken away has nothing to give back.
            await done.catch(() => undefined)
          },
        })
      })
    })
    done.catch(reject)
  })
}

async function findOwner(locks: LockManager, folder: string): Promise<Owner | undefined> {
  const { held = [] } = await locks.query()
  for (const { name = '' } of held) {
    if (!name.startsWith(signPrefix(folder))) continue
    return parseOwner(name.slice(signPrefix(folder).length))
  }
  return undefined
}
