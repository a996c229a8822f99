/** Pins: what readers of older versions still see (multi-version reads of store.ts).
 *  A page that changes is *saved* into the newest pin as it was; a reader looks into its own pin, then
 *  into newer ones, then at the newest state.
 *  Keeps: at most `retainedBytesMax` of saved images; past it the oldest pin is too old and its readers
 *  fail, nothing else.  Never: saves a page above its pin's page count, or one page twice in a pin. */

import { assert } from '../base/assert.ts'
import { ConstelliteError } from '../base/failure.ts'
import type { Version } from './store.ts'

/** A page as it was: an image, still in the page file, or zeros. */
export type SavedPage = Uint8Array | 'in-file' | 'zeros'

export type Pins = {
  pin(version: Version, pageCount: number): void
  unpin(version: Version): void
  /** Undefined when nobody has pinned `version`. */
  pageCount(version: Version): number | undefined
  /** Page count of the newest live pin; 0 when there is none. */
  readonly newestPageCount: number
  /** Version of the newest live pin; -1 when there is none. */
  readonly newestVersion: Version
  save(pgno: number, page: SavedPage): void
  /** The page as of a pinned version, or undefined when it has not changed since.  Throws
   *  ErrSnapshotTooOld. */
  find(pgno: number, version: Version): SavedPage | undefined
  /** Every page that changed after a pinned version, as of then. */
  changedSince(version: Version): ReadonlyMap<number, SavedPage>
  /** Replaces "in the page file" by an image before the file is overwritten there. */
  materialise(pgno: number, image: () => Uint8Array): void
  /** Pages that are saved as "in the page file" and lie above `pageCount`. */
  inFileAbove(pageCount: number): number[]
  /** Marks oldest pins too old until the limit holds. */
  enforceLimit(): void
  /** Marks every pin too old. */
  dropAll(): void
  readonly retainedBytes: number
}

type Pin = {
  readonly version: Version
  readonly pageCount: number
  references: number
  readonly saved: Map<number, SavedPage>
  isTooOld: boolean
}

export function createPins(retainedBytesMax: number): Pins {
  const byVersion = new Map<Version, Pin>()
  /** Pins that are not too old, ascending. */
  let live: Pin[] = []
  let retainedBytes = 0

  const drop = (pin: Pin): void => {
    for (const page of pin.saved.values()) retainedBytes -= sizeOf(page)
    pin.saved.clear()
    pin.isTooOld = true
  }
  const release = (pin: Pin): void => {
    const index = live.indexOf(pin)
    const older = live[index - 1]
    live.splice(index, 1)
    if (older === undefined) {
      drop(pin)
      return
    }
    for (const [pgno, page] of pin.saved) {
      if (pgno > older.pageCount || older.saved.has(pgno)) retainedBytes -= sizeOf(page)
      else older.saved.set(pgno, page)
    }
  }
  const livePin = (version: Version): Pin => {
    const pin = byVersion.get(version)
    assert(pin !== undefined, `version ${version} is pinned`)
    if (!pin.isTooOld) return pin
    throw new ConstelliteError({
      code: 'ErrSnapshotTooOld',
      message: `The snapshot that this reader kept is no longer held.`,
      hint: 'End the read and start it again; read less at a time beside many writes.',
      facts: { version, retainedBytesMax },
      retry: 'later',
    })
  }
  return {
    get newestPageCount() {
      return live.at(-1)?.pageCount ?? 0
    },
    get newestVersion() {
      return live.at(-1)?.version ?? -1
    },
    get retainedBytes() {
      return retainedBytes
    },
    pin(version, pageCount) {
      const known = byVersion.get(version)
      if (known !== undefined) {
        known.references += 1
        return
      }
      assert(version > (live.at(-1)?.version ?? -1), 'only the newest version is pinned')
      const pin = { version, pageCount, references: 1, saved: new Map(), isTooOld: false }
      byVersion.set(version, pin)
      live.push(pin)
    },
    unpin(version) {
      const pin = byVersion.get(version)
      assert(pin !== undefined, `version ${version} is pinned`)
      pin.references -= 1
      if (pin.references > 0) return
      byVersion.delete(version)
      if (!pin.isTooOld) release(pin)
    },
    pageCount: (version) => byVersion.get(version)?.pageCount,
    save(pgno, page) {
      const newest = live.at(-1)
      if (newest === undefined || pgno > newest.pageCount || newest.saved.has(pgno)) return
      newest.saved.set(pgno, page)
      retainedBytes += sizeOf(page)
    },
    find(pgno, version) {
      const from = live.indexOf(livePin(version))
      for (let index = from; index < live.length; index++) {
        const page = live[index]?.saved.get(pgno)
        if (page !== undefined) return page
      }
      return undefined
    },
    changedSince(version) {
      const pin = livePin(version)
      const changed = new Map<number, SavedPage>()
      for (const newer of live.slice(live.indexOf(pin))) {
        for (const [pgno, page] of newer.saved) {
          if (pgno <= pin.pageCount && !changed.has(pgno)) changed.set(pgno, page)
        }
      }
      return changed
    },
    materialise(pgno, image) {
      for (const pin of live) {
        if (pin.saved.get(pgno) !== 'in-file') continue
        const page = image()
        pin.saved.set(pgno, page)
        retainedBytes += sizeOf(page)
      }
    },
    inFileAbove(pageCount) {
      const pages: number[] = []
      for (const pin of live) {
        for (const [pgno, page] of pin.saved) {
          if (pgno > pageCount && page === 'in-file') pages.push(pgno)
        }
      }
      return pages
    },
    enforceLimit() {
      while (retainedBytes > retainedBytesMax) {
        const oldest = live.shift()
        assert(oldest !== undefined, 'retained images belong to a pin')
        drop(oldest)
      }
    },
    dropAll() {
      for (const pin of live) drop(pin)
      live = []
    },
  }
}

function sizeOf(page: SavedPage): number {
  return typeof page === 'string' ? 0 : page.byteLength
}
