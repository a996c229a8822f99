/** File header: whether bytes are a SQLite database that can be taken in, decided from the first page.
 *  Layout: https://sqlite.org/fileformat2.html §1.3: magic 16, page size u16 at 16, write and read version
 *  at 18 and 19, reserved bytes at 20, change counter at 24, page count at 28, encoding at 56, counter
 *  that the page count belongs to at 92.
 *  Never: reads more than the header; whether the pages hold together is SQLite's quick_check. */

import { ConstelliteError } from '../base/failure.ts'

export const HEADER_BYTES = 100
const MAGIC = 'SQLite format 3\0'
export const WRITE_VERSION_OFFSET = 18
const VERSION_ROLLBACK = 1
const VERSION_WAL = 2
/** 0 in a file that has no schema yet. */
const ENCODING_UTF8 = 1
const ENCODING_UTF16_BE = 3
/** A page of text or zeros has far fewer; random bytes of this number have about 163. */
const DISTINCT_BYTES_ENCRYPTED = 140
const SAMPLE_BYTES = 256
/** How much of a file's beginning the checks want. */
export const HEADER_SAMPLE_BYTES = 512

export type FileHeader = {
  readonly pageSize: number
  readonly pageCount: number
  readonly isWal: boolean
}

/** `start` is the beginning of the file, `HEADER_SAMPLE_BYTES` of it where there are as many. */
export function readFileHeader(start: Uint8Array, sizeBytes: number): FileHeader {
  if (sizeBytes === 0) throw notSqlite('The file is empty.')
  const isMagic = start.length >= 16 && ascii(start.subarray(0, 16)) === MAGIC
  if (!isMagic) throw looksEncrypted(start, sizeBytes) ? encrypted() : notSqlite()
  if (sizeBytes < HEADER_BYTES || start.length < HEADER_BYTES)
    throw truncated(HEADER_BYTES, sizeBytes)
  const view = new DataView(start.buffer, start.byteOffset, start.byteLength)
  const pageSize = view.getUint16(16) === 1 ? 65_536 : view.getUint16(16)
  const isPageSize = pageSize >= 512 && (pageSize & (pageSize - 1)) === 0
  const version = Math.max(view.getUint8(18), view.getUint8(19))
  const areFractions =
    view.getUint8(21) === 64 && view.getUint8(22) === 32 && view.getUint8(23) === 32
  if (!isPageSize || !areFractions || version < VERSION_ROLLBACK || version > VERSION_WAL) {
    // Ciphers that leave the first 16 bytes readable encrypt the rest of the header.
    throw damagedHeader(start, 'its header has values that SQLite never writes')
  }
  const encoding = view.getUint32(56)
  // Some ciphers leave the sizes before it readable too.
  if (encoding > ENCODING_UTF16_BE) throw damagedHeader(start, 'its text encoding does not exist')
  if (encoding > ENCODING_UTF8) throw utf16()
  const pageCount = countPages(view, pageSize, sizeBytes)
  return { pageSize, pageCount, isWal: version === VERSION_WAL }
}

/** The header's count where it is valid, else what the size says (as SQLite decides, §1.3.8). */
function countPages(view: DataView, pageSize: number, sizeBytes: number): number {
  const claimed = view.getUint32(28)
  const isValid = claimed > 0 && view.getUint32(24) === view.getUint32(92)
  if (isValid && claimed * pageSize > sizeBytes) throw truncated(claimed * pageSize, sizeBytes)
  if (isValid) return claimed
  if (sizeBytes % pageSize !== 0) {
    throw truncated(Math.ceil(sizeBytes / pageSize) * pageSize, sizeBytes)
  }
  return sizeBytes / pageSize
}

/** Page 1 as this copy keeps it: never in WAL mode, whose log would not come along. */
export function withoutWal(firstPage: Uint8Array): void {
  firstPage[WRITE_VERSION_OFFSET] = VERSION_ROLLBACK
  firstPage[WRITE_VERSION_OFFSET + 1] = VERSION_ROLLBACK
}

/** An encrypted database is whole pages of what looks random from its first byte. */
function looksEncrypted(start: Uint8Array, sizeBytes: number): boolean {
  if (sizeBytes < 512 || sizeBytes % 512 !== 0) return false
  const sample = start.subarray(0, SAMPLE_BYTES)
  return new Set(sample).size >= DISTINCT_BYTES_ENCRYPTED
}

/** ErrEncrypted where the page looks random behind a readable header, as some ciphers leave it. */
export function looksEncryptedInside(start: Uint8Array): ConstelliteError | undefined {
  const isRandom = looksEncrypted(start.subarray(HEADER_BYTES), HEADER_SAMPLE_BYTES)
  return isRandom ? encrypted() : undefined
}

function damagedHeader(start: Uint8Array, reason: string): ConstelliteError {
  return looksEncryptedInside(start) ?? corrupt(reason)
}

function ascii(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes)
}

export function corrupt(reason: string, cause?: unknown): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrCorrupt',
    message: `The file is damaged: ${reason}.`,
    hint: 'Recover it first: sqlite3 damaged.db ".recover" | sqlite3 mended.db',
    cause,
  })
}

function notSqlite(message = 'The file is not a SQLite database.'): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrNotSqlite',
    message,
    hint: 'Its first bytes must be "SQLite format 3".',
  })
}

function encrypted(): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrEncrypted',
    message: 'The file looks like an encrypted database.',
    hint: 'Export it without a key first, with the tool that encrypted it.',
  })
}

function truncated(expectedBytes: number, sizeBytes: number): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrTruncatedFile',
    message: `The file has ${sizeBytes} bytes and should have ${expectedBytes}.`,
    hint: 'Copy it again, while no program writes to it.',
    facts: { sizeBytes, expectedBytes },
  })
}

function utf16(): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrEncoding',
    message: 'The database keeps its texts as UTF-16.',
    hint: 'Convert it: sqlite3 utf16.db .dump | sqlite3 utf8.db',
  })
}
