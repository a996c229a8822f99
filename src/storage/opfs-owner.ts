/** Exclusive ownership of a folder in OPFS, freed when its tab or worker ends.
 *  Keeps: the exclusive access handle of the file `owner` is the fence; a Web Lock is the queue before
 *  it; a second Web Lock says in its name who owns and since when, so that others can read it.
 *  Both locks and the handle end with their worker; none is ever stolen. */

import type { Host } from '../base/host.ts'
import { inUseFailure, type Owner } from './failures.ts'
import { type OpfsDirectory, openHandle, withPatience } from './opfs-handles.ts'
import { OWNER_FILE, type Ownership } from './owned.ts'
import { formatOwner, parseOwner } from './owner-text.ts'

export type FolderToOwn = {
  readonly name: string
  readonly folder: string
  readonly directory: OpfsDirectory
}

type HeldLock = { release(): Promise<void> }

export async function ownFolder(host: Host, target: FolderToOwn): Promise<Ownership> {
  const { name, folder, directory } = target
  // Absent where a browser has OPFS only; the fence holds without the queue.
  const locks: LockManager | undefined = navigator.locks
  const held: HeldLock[] = []
  const releaseAll = async (): Promise<void> => {
    for (const one of held.reverse()) await one.release()
  }
  try {
    if (locks !== undefined) {
      const queue = await withPatience(host, () => holdLock(locks, `constellite:${folder}`))
      if (queue === undefined) throw inUseFailure(name, await findOwner(locks, folder))
      held.push(queue)
      const label = formatOwner({ who: host.who, sinceMs: host.now() })
      const sign = await holdLock(locks, `${signPrefix(folder)}${label}`)
      if (sign !== undefined) held.push(sign)
    }
    const fence = await openHandle(host, directory, OWNER_FILE)
    if (fence === undefined) throw inUseFailure(name, undefined)
    return {
      check() {},
      async release() {
        fence.close()
        await releaseAll()
      },
    }
  } catch (error) {
    await releaseAll()
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
            await done
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
