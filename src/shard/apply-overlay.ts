/** Apply overlay: what a run's frames make of the pages, worked out aside over the newest version.
 *  Keeps: a transaction joins the others only when its last frame is here; a page that was cut off and
 *  came back unwritten is zeros.  Never: changes the shard. */

import { ConstelliteError } from '../base/failure.ts'
import type { Frame } from '../frame/frame.ts'
import type { PageStore } from '../pages/store.ts'
import { addPagesFrame, type OpenTransaction, type PagesBefore } from './transaction.ts'

export type ApplyOverlay = {
  /** Of whole transactions. */
  readonly changes: Map<number, Uint8Array>
  pageCount: number
  /** Smallest count in between: what shrank below and grew again is zeros where unwritten. */
  pageCountMin: number
  pageSize: number
  readonly tables: Set<string>
  /** Some transaction could not say which tables it changed. */
  isAnyTable: boolean
  /** The transaction that goes on in the next frame. */
  open: OpenTransaction | undefined
}

/** Goes on from `earlier`, which stays as it is, or from the newest version. */
export function beginOverlay(pages: PageStore, earlier: ApplyOverlay | undefined): ApplyOverlay {
  if (earlier !== undefined) {
    const { open } = earlier
    return {
      ...earlier,
      changes: new Map(earlier.changes),
      tables: new Set(earlier.tables),
      open: open && { ...open, changes: new Map(open.changes) },
    }
  }
  const pageCount = pages.pageCount(pages.version)
  return {
    changes: new Map(),
    pageCount,
    pageCountMin: pageCount,
    pageSize: pages.pageSize,
    tables: new Set(),
    isAnyTable: false,
    open: undefined,
  }
}

/** Throws a typed failure when the frame does not fit; then the overlay is of no more use. */
export function addToOverlay(overlay: ApplyOverlay, pages: PageStore, frame: Frame): void {
  if (frame.kind === 'control') {
    if (overlay.open !== undefined) throw interrupted(frame)
    return
  }
  const before: PagesBefore = {
    pageSize: overlay.pageSize,
    pageCount: overlay.pageCount,
    image: (pgno) => overlay.changes.get(pgno) ?? committedImage(overlay, pages, pgno),
  }
  const open = addPagesFrame(overlay.open, frame, before)
  overlay.open = open
  if (!frame.flags.continues) closeTransaction(overlay, open)
}

function closeTransaction(overlay: ApplyOverlay, transaction: OpenTransaction): void {
  const { changes, pageCount, pageSize, tables } = transaction
  for (const pgno of overlay.changes.keys()) {
    if (pgno > pageCount) overlay.changes.delete(pgno)
  }
  for (const [pgno, image] of changes) overlay.changes.set(pgno, image)
  overlay.pageCount = pageCount
  overlay.pageCountMin = Math.min(overlay.pageCountMin, pageCount)
  overlay.pageSize = pageSize
  for (const table of tables) overlay.tables.add(table)
  if (tables.size === 0) overlay.isAnyTable = true
  overlay.open = undefined
}

/** A page of the newest version, or zeros where a transaction before has cut it off. */
function committedImage(overlay: ApplyOverlay, pages: PageStore, pgno: number): Uint8Array {
  return pgno > overlay.pageCountMin ? new Uint8Array(overlay.pageSize) : pages.image(pgno)
}

function interrupted(frame: Frame): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrProtocol',
    message: `Frame ${frame.seq} stands in the middle of a transaction that it is no part of.`,
    hint: 'Its author broke the format; the frame is invalid everywhere.',
    facts: { seq: frame.seq },
  })
}
