/** Pins: what readers of older versions still see (multi-version reads of store.ts).
 *  A page that changes is *saved* into the newest pin as it was; a reader looks into its own pin, then
 *  into newer ones, then at the newest state.
 *  Keeps: at most `retainedBytesMax` of saved images; past it the oldest pin is too old and its readers
 *  fail, nothing else.  Never: saves a page above its pin's page count, or one page twice in a pin. */

import { assert } from '../base/assert.ts'
import { ConstelliteError } from '../base/failure.ts'

/** A plain number, not a Seq: it starts at 0 at every open. */
export type Version = number

/** A page as it was: an image, still in the page file, or zeros. */
export type SavedPage = Uint8Array | 'in-file' | 'zeros'

export type Pins = {
  readonly byVersion: Map<Version, Pin>
  /** Pins that are not too old, ascending. */
  live: Pin[]
  readonly retainedBytesMax: number
  retainedBytes: number
}

export type Pin = {
  readonly version: Version
  readonly pageCount: number
  references: number
  readonly saved: Map<number, SavedPage>
  isTooOld: boolean
}

export function createPins(retainedBytesMax: number): Pins {
  return { byVersion: new Map(), live: [], retainedBytesMax, retainedBytes: 0 }
}

/** The newest live pin, where changed pages are saved. */
export function newestPin(pins: Pins): Pin | undefined {
  return pins.live.at(-1)
}

/** `version` is the newest one. */
export function pinVersion(pins: Pins, version: Version, pageCount: number): void {
  const known = pins.byVersion.get(version)
  if (known !== undefined) {
    known.references += 1
    return
  }
  assert(version > (newestPin(pins)?.version ?? -1), 'only the newest version is pinned')
  const pin = { version, pageCount, references: 1, saved: new Map(), isTooOld: false }
  pins.byVersion.set(version, pin)
  pins.live.push(pin)
}

export function unpinVersion(pins: Pins, version: Version): void {
  const pin = pins.byVersion.get(version)
  assert(pin !== undefined, `version ${version} is pinned`)
  pin.references -= 1
  if (pin.references > 0) return
  pins.byVersion.delete(version)
  if (!pin.isTooOld) release(pins, pin)
}

export function savePage(pins: Pins, pgno: number, page: SavedPage): void {
  const newest = newestPin(pins)
  if (newest === undefined || pgno > newest.pageCount || newest.saved.has(pgno)) return
  newest.saved.set(pgno, page)
  pins.retainedBytes += sizeOf(page)
}

/** The page as of a pinned version, or undefined when it has not changed since.  Throws
 *  ErrSnapshotTooOld. */
export function findPage(pins: Pins, pgno: number, version: Version): SavedPage | undefined {
  const { live } = pins
  for (let index = live.indexOf(livePin(pins, version)); index < live.length; index++) {
    const page = live[index]?.saved.get(pgno)
    if (page !== undefined) return page
  }
  return undefined
}

/** Every page that changed after a pinned version, as of then.  Throws ErrSnapshotTooOld. */
export function changedSince(pins: Pins, version: Version): ReadonlyMap<number, SavedPage> {
  const pin = livePin(pins, version)
  const changed = new Map<number, SavedPage>()
  for (const newer of pins.live.slice(pins.live.indexOf(pin))) {
    for (const [pgno, page] of newer.saved) {
      if (pgno <= pin.pageCount && !changed.has(pgno)) changed.set(pgno, page)
    }
  }
  return changed
}

/** Replaces "in the page file" by an image, before the file is overwritten there. */
export function materialisePage(pins: Pins, pgno: number, image: () => Uint8Array): void {
  for (const pin of pins.live) {
    if (pin.saved.get(pgno) !== 'in-file') continue
    const page = image()
    pin.saved.set(pgno, page)
    pins.retainedBytes += sizeOf(page)
  }
}

/** Pages that are saved as "in the page file" and lie above `pageCount`. */
export function inFileAbove(pins: Pins, pageCount: number): number[] {
  const pages: number[] = []
  for (const pin of pins.live) {
    for (const [pgno, page] of pin.saved) {
      if (pgno > pageCount && page === 'in-file') pages.push(pgno)
    }
  }
  return pages
}

/** Marks the oldest pins too old until the limit holds. */
export function enforceLimit(pins: Pins): void {
  while (pins.retainedBytes > pins.retainedBytesMax) {
    const oldest = pins.live.shift()
    assert(oldest !== undefined, 'retained images belong to a pin')
    drop(pins, oldest)
  }
}

/** Marks every pin too old. */
export function dropPins(pins: Pins): void {
  for (const pin of pins.live) drop(pins, pin)
  pins.live = []
}

/** What the pin alone held goes; what an older pin sees through it moves there. */
function release(pins: Pins, pin: Pin): void {
  const index = pins.live.indexOf(pin)
  const older = pins.live[index - 1]
  pins.live.splice(index, 1)
  if (older === undefined) {
    drop(pins, pin)
    return
  }
  for (const [pgno, page] of pin.saved) {
    if (pgno > older.pageCount || older.saved.has(pgno)) pins.retainedBytes -= sizeOf(page)
    else older.saved.set(pgno, page)
  }
}

function drop(pins: Pins, pin: Pin): void {
  for (const page of pin.saved.values()) pins.retainedBytes -= sizeOf(page)
  pin.saved.clear()
  pin.isTooOld = true
}

function livePin(pins: Pins, version: Version): Pin {
  const pin = pins.byVersion.get(version)
  assert(pin !== undefined, `version ${version} is pinned`)
  if (!pin.isTooOld) return pin
  throw new ConstelliteError({
    code: 'ErrSnapshotTooOld',
    message: 'The snapshot that this reader kept is no longer held.',
    hint: 'End the read and start it again; read less at a time beside many writes.',
    facts: { version, retainedBytesMax: pins.retainedBytesMax },
    retry: 'later',
  })
}

function sizeOf(page: SavedPage): number {
  return typeof page === 'string' ? 0 : page.byteLength
}
