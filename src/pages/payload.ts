/** Page payload: the pages that one transaction changed (FORMATS §7, kind 1; table in layout.ts).
 *  Keeps: old pages + payload = new pages; a page whose bytes did not change is left out, and so is a
 *  new page of zeros, because a page that nobody wrote is zeros; the smallest encoding is taken.
 *  Never: trusts a length, a count or an order that it reads; never keeps a view into its input. */

import { assert } from '../base/assert.ts'
import type { Result } from '../base/failure.ts'
import { createReader, DecodeError, decoding, type Reader } from '../bytes/reader.ts'
import { createWriter, type Writer } from '../bytes/writer.ts'
import type { DeltaEncoding, PageDelta } from '../crypto/kernel-interface.ts'
import { currentKernel } from '../crypto/kernel-slot.ts'
import {
  ENCODING_FULL,
  ENCODING_LZ4,
  ENCODING_RUNS,
  lockBytePgno,
  PAGE_COUNT_MAX,
  PAYLOAD_SECTION_BYTES_MAX,
  PAYLOAD_TABLE_NAME_BYTES_MAX,
  PAYLOAD_TABLES_MAX,
  pageSizeToLog2,
} from './layout.ts'
import { checkRuns, isZeroPage } from './runs.ts'
import type { PageChanges } from './store.ts'

export type PageTransaction = {
  /** New images.  Those above `pageCount` are no part of the transaction. */
  readonly changes: PageChanges
  /** The page before this transaction; undefined when its number is above the page count of then. */
  readonly oldImage: (pgno: number) => Uint8Array | undefined
  readonly pageSize: number
  /** After the commit. */
  readonly pageCount: number
  /** Changed tables; empty means unknown. */
  readonly tables: readonly string[]
  /** Called for each page that is shipped, because its bytes are not those of the old page. */
  readonly onChanged?: (pgno: number, image: Uint8Array) => void
}

export type PageEntry = {
  readonly pgno: number
  readonly encoding: DeltaEncoding
  readonly bytes: Uint8Array
}

export type PagePayload = {
  readonly pageSize: number
  readonly pageCount: number
  readonly tables: readonly string[]
  readonly entries: readonly PageEntry[]
}

export type PayloadLimits = {
  /** The page size of the database; 0 takes any, for its first page frame. */
  readonly pageSize: number
  /** Default PAGE_COUNT_MAX. */
  readonly pageCountMax?: number
}

const FORMAT = 'page payload'
/** pgno, encoding and length take at least a byte each. */
const ENTRY_BYTES_MIN = 3
/** pgno up to four bytes, encoding, length up to three. */
const ENTRY_HEADER_BYTES_MAX = 8
const ENTRY_COUNT_BYTES_MAX = 4

const CODES: Readonly<Record<DeltaEncoding, number>> = {
  full: ENCODING_FULL,
  runs: ENCODING_RUNS,
  lz4: ENCODING_LZ4,
}
const utf8 = new TextEncoder()

/** One section for each frame of the transaction: one, or several when it is larger than
 *  `sectionBytesMax`; at least one, also when no page changed. */
export function encodePayloads(
  transaction: PageTransaction,
  sectionBytesMax: number = PAYLOAD_SECTION_BYTES_MAX,
): Uint8Array[] {
  const { changes, pageSize, pageCount } = transaction
  assert(pageCount <= PAGE_COUNT_MAX, `${pageCount} pages are within the limit`)
  const head = encodeHead(transaction)
  const roomBytes = sectionBytesMax - head.byteLength - ENTRY_COUNT_BYTES_MAX
  assert(roomBytes >= pageSize + ENTRY_HEADER_BYTES_MAX, 'a section has room for a page')
  const sections: Uint8Array[] = []
  let body = createWriter()
  let count = 0
  const close = (): void => {
    const section = createWriter(head.byteLength + ENTRY_COUNT_BYTES_MAX + body.size)
    sections.push(section.bytes(head).varint(count).bytes(body.view()).finish())
    body = createWriter()
    count = 0
  }
  for (const pgno of writtenPages(changes, pageSize, pageCount)) {
    // `writtenPages` took the number from the map.
    const image = changes.get(pgno) as Uint8Array
    const delta = encodePage(image, transaction.oldImage(pgno), pageSize)
    if (delta === undefined) continue
    const { bytes } = delta
    transaction.onChanged?.(pgno, image)
    if (body.size + ENTRY_HEADER_BYTES_MAX + bytes.byteLength > roomBytes) close()
    body.varint(pgno).u8(CODES[delta.encoding]).varint(bytes.byteLength).bytes(bytes)
    count += 1
  }
  if (count > 0 || sections.length === 0) close()
  return sections
}

/** Checks everything that can be checked without the old pages. */
export function decodePayload(bytes: Uint8Array, limits: PayloadLimits): Result<PagePayload> {
  return decoding(FORMAT, () => {
    const reader = createReader(bytes)
    const pageSize = decodePageSize(reader, limits)
    const pageCount = reader.varint(limits.pageCountMax ?? PAGE_COUNT_MAX)
    const tables: string[] = []
    for (let left = reader.varint(PAYLOAD_TABLES_MAX); left > 0; left--) {
      tables.push(reader.str16(PAYLOAD_TABLE_NAME_BYTES_MAX))
    }
    const entries: PageEntry[] = []
    const entriesMax = Math.min(pageCount, Math.floor(reader.remaining / ENTRY_BYTES_MIN))
    let previous = 0
    for (let left = reader.varint(entriesMax); left > 0; left--) {
      const entry = decodeEntry(reader, pageSize, pageCount)
      if (entry.pgno <= previous) throw new DecodeError('page numbers do not ascend')
      previous = entry.pgno
      entries.push(entry)
    }
    reader.end()
    return { pageSize, pageCount, tables, entries }
  })
}

/** The new images.  `oldImage` as in `PageTransaction`; the images that come back are copies. */
export function applyPayload(
  payload: PagePayload,
  oldImage: (pgno: number) => Uint8Array | undefined,
): Result<PageChanges> {
  return decoding(FORMAT, () => {
    const changes = new Map<number, Uint8Array>()
    for (const { pgno, encoding, bytes } of payload.entries) {
      if (encoding === 'full') {
        changes.set(pgno, bytes.slice())
        continue
      }
      const old = oldImage(pgno)
      if (old === undefined)
        throw new DecodeError(`page ${pgno} has no old page for its ${encoding}`)
      assert(old.byteLength === payload.pageSize, 'the old page has the page size')
      const image = new Uint8Array(payload.pageSize)
      if (!currentKernel().delta.apply(old, { encoding, bytes }, image)) {
        throw new DecodeError(`the ${encoding} of page ${pgno} do not fit its old page`)
      }
      changes.set(pgno, image)
    }
    return changes
  })
}

function encodeHead({ pageSize, pageCount, tables }: PageTransaction): Uint8Array {
  const names = [...new Set(tables)]
  const isHintSmall =
    names.length <= PAYLOAD_TABLES_MAX &&
    names.every((name) => utf8.encode(name).byteLength <= PAYLOAD_TABLE_NAME_BYTES_MAX)
  const hint = isHintSmall ? names : []
  const head: Writer = createWriter().u8(pageSizeToLog2(pageSize)).varint(pageCount)
  head.varint(hint.length)
  for (const name of hint) head.str16(name)
  return head.finish()
}

/** Numbers of the pages that a transaction wrote, ascending. */
function writtenPages(changes: PageChanges, pageSize: number, pageCount: number): number[] {
  const lockByte = lockBytePgno(pageSize)
  const pages: number[] = []
  for (const pgno of changes.keys()) if (pgno <= pageCount && pgno !== lockByte) pages.push(pgno)
  return pages.sort((left, right) => left - right)
}

/** Undefined when there is nothing to ship. */
function encodePage(
  image: Uint8Array,
  old: Uint8Array | undefined,
  pageSize: number,
): PageDelta | undefined {
  assert(image.byteLength === pageSize, 'an image is one page')
  if (old !== undefined) return currentKernel().delta.encode(old, image)
  return isZeroPage(image) ? undefined : { encoding: 'full', bytes: image }
}

function decodePageSize(reader: Reader, limits: PayloadLimits): number {
  const log2 = reader.u8()
  if (log2 < 9 || log2 > 16) throw new DecodeError(`2^${log2} is no page size`)
  const pageSize = 2 ** log2
  if (limits.pageSize !== 0 && pageSize !== limits.pageSize) {
    throw new DecodeError(`the page size is ${pageSize}, the database's ${limits.pageSize}`)
  }
  return pageSize
}

function decodeEntry(reader: Reader, pageSize: number, pageCount: number): PageEntry {
  const pgno = reader.varint(pageCount)
  if (pgno === lockBytePgno(pageSize)) throw new DecodeError('the lock-byte page is written')
  const code = reader.u8()
  const bytes = reader.view(reader.varint(pageSize))
  if (code === ENCODING_RUNS) {
    checkRuns(bytes, pageSize)
    return { pgno, encoding: 'runs', bytes }
  }
  if (code === ENCODING_LZ4) {
    checkBlock(bytes, pageSize)
    return { pgno, encoding: 'lz4', bytes }
  }
  if (code !== ENCODING_FULL) throw new DecodeError(`unknown encoding ${code}`)
  if (bytes.byteLength !== pageSize) throw new DecodeError('a full page is not of the page size')
  return { pgno, encoding: 'full', bytes }
}

/** Whether a block fits a page does not depend on what the old page holds. */
function checkBlock(bytes: Uint8Array, pageSize: number): void {
  const into = new Uint8Array(pageSize)
  if (!currentKernel().delta.apply(new Uint8Array(pageSize), { encoding: 'lz4', bytes }, into)) {
    throw new DecodeError('a block does not make one page')
  }
}
