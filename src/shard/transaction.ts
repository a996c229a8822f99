/** Transaction: the pages that the frames of one SQLite transaction change, gathered frame by frame.
 *  Keeps the rules of FORMATS §7: the old page is the page as of the last frame without flag `continues`
 *  before this transaction; a page number occurs once; the page count is the same in all frames.
 *  Used wherever frames become pages: apply and recovery.  Never: changes the state that it reads. */

import { ConstelliteError, orThrow } from '../base/failure.ts'
import type { Frame } from '../frame/frame.ts'
import { applyPayload, decodePayload } from '../pages/payload.ts'

/** What the frames so far amount to; whole when the last of them has no flag `continues`. */
export type OpenTransaction = {
  readonly changes: Map<number, Uint8Array>
  readonly pageCount: number
  readonly pageSize: number
  /** Empty when some frame could not say. */
  readonly tables: ReadonlySet<string>
}

/** The pages before the transaction. */
export type PagesBefore = {
  /** 0 while the database has none. */
  readonly pageSize: number
  readonly pageCount: number
  /** Called for pages up to `pageCount` only; not written to. */
  image(pgno: number): Uint8Array
}

/** The transaction with one more frame.  Throws a typed failure, with `open` as it was, when the frame
 *  does not fit. */
export function addPagesFrame(
  open: OpenTransaction | undefined,
  frame: Frame,
  before: PagesBefore,
): OpenTransaction {
  const payload = orThrow(decodePayload(pagesSectionOf(frame), { pageSize: before.pageSize }))
  const { pageSize, pageCount, entries } = payload
  if (open !== undefined && (open.pageCount !== pageCount || open.pageSize !== pageSize)) {
    throw unfit(frame, 'names another page count than the frames before it in its transaction')
  }
  for (const { pgno } of entries) {
    if (open?.changes.has(pgno)) throw unfit(frame, `writes page ${pgno} twice in its transaction`)
  }
  const oldImage = (pgno: number): Uint8Array | undefined =>
    pgno > before.pageCount ? undefined : before.image(pgno)
  const images = orThrow(applyPayload(payload, oldImage))
  const changes = open?.changes ?? new Map<number, Uint8Array>()
  for (const [pgno, image] of images) changes.set(pgno, image)
  return { changes, pageCount, pageSize, tables: joinTables(open, payload.tables) }
}

/** One frame that cannot say which tables changed makes that unknown for all of them. */
function joinTables(
  open: OpenTransaction | undefined,
  tables: readonly string[],
): ReadonlySet<string> {
  const isUnknown = tables.length === 0 || (open !== undefined && open.tables.size === 0)
  return isUnknown ? new Set() : new Set([...(open?.tables ?? []), ...tables])
}

function pagesSectionOf(frame: Frame): Uint8Array {
  const section = frame.sections?.[0]
  const isReadable =
    frame.kind === 'pages' &&
    frame.sections?.length === 1 &&
    !frame.flags.compressed &&
    !frame.flags.encrypted
  if (isReadable && section !== undefined && 'bytes' in section) return section.bytes
  throw new ConstelliteError({
    code: 'ErrProtocol',
    message: `Frame ${frame.seq} has no page payload that this version can apply.`,
    hint: 'A newer version wrote it, or the peer left the payload out: update, or ask another peer.',
    facts: { seq: frame.seq },
  })
}

function unfit(frame: Frame, what: string): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrProtocol',
    message: `Frame ${frame.seq} ${what}.`,
    hint: 'Its author broke the format; the frame is invalid everywhere.',
    facts: { seq: frame.seq },
  })
}
