/** Window place: which databases this window has.  All windows share the writer, and each has a follower of its
 *  own; one opened with an address in its hash has a follower of that address alone.
 *  Keeps: no two windows have one place, by a lock held as long as the window lives; a reload gets the
 *  place that it had, and with it its follower. */

import { parseAddress } from '../../src/entry/frame.ts'
import { hexOf } from './format.ts'

const PLACES_MAX = 32
const REMEMBERED = 'constellite demo place'
const HASH = /^#follow=(.+)$/
/** A reloaded page may come before its own lock is free. */
const RELOAD_WAIT_MS = 3000

export type WindowPlace = {
  readonly number: number
  /** The address to follow, from the window's hash. */
  readonly address: string | undefined
}

export async function takePlace(): Promise<WindowPlace> {
  const hash = HASH.exec(location.hash)?.[1]
  const address = hash === undefined ? undefined : decodeURIComponent(hash)
  const first = address === undefined ? 1 : 2
  const remembered = Number(sessionStorage.getItem(REMEMBERED))
  if (remembered >= first && (await hold(remembered, RELOAD_WAIT_MS))) {
    return { number: remembered, address }
  }
  for (let number = first; number <= PLACES_MAX; number++) {
    if (!(await hold(number, undefined))) continue
    sessionStorage.setItem(REMEMBERED, String(number))
    return { number, address }
  }
  throw new Error(`more than ${PLACES_MAX} windows of this demo are open`)
}

/** The link that opens a follower elsewhere, in another browser too. */
export function linkTo(address: string): string {
  return new URL(`#follow=${encodeURIComponent(address)}`, location.href).href
}

/** Part of a database's name, so that following another writer is another database. */
export function shardLabel(address: string): string {
  const parsed = parseAddress(address)
  if (!parsed.ok) throw parsed.failure
  return hexOf(parsed.value.shard).slice(0, 12)
}

/** True when this window now has the place, until it ends.  Without `waitMs` it does not wait. */
function hold(number: number, waitMs: number | undefined): Promise<boolean> {
  const options: LockOptions =
    waitMs === undefined ? { ifAvailable: true } : { signal: AbortSignal.timeout(waitMs) }
  return new Promise((resolve) => {
    navigator.locks
      .request(`constellite demo place ${number}`, options, (lock) => {
        resolve(lock !== null)
        // Held until the window is gone.
        return lock === null ? undefined : new Promise<never>(() => undefined)
      })
      // Waiting has ended: another window has it.
      .catch(() => resolve(false))
  })
}
