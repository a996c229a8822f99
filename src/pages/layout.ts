/** Layout of what the room `pages` writes: the page payload (FORMATS §7) and the snapshot (FORMATS §11).
 *  Keeps: the tables here, the constants below them and the codecs agree (test/unit/pages-layout.test.ts).
 *
 *  Page payload, one section of one frame; a transaction over 16 MiB has several, each whole in itself:
 *  | size    | field         | notes                                                        |
 *  |---------|---------------|--------------------------------------------------------------|
 *  | 1       | pageSizeLog2  | 9 to 16                                                      |
 *  | varint  | pageCount     | after the commit; the same in every frame of a transaction   |
 *  | varint  | tableCount    | then that many str16: changed tables, a hint; 0 = unknown    |
 *  | varint  | entryCount    | then that many entries, ascending by pgno                    |
 *  Entry:
 *  | varint  | pgno          | once in a transaction, never above pageCount, never the lock-byte page |
 *  | 1       | encoding      | 0 full page, 1 runs, 2 LZ4                                   |
 *  | varint  | length        | of the bytes that follow                                     |
 *  Runs: (skip varint, length varint, absolute new bytes)…; skip counts from the end of the run before.
 *  LZ4: a block whose dictionary is the old page; it yields one page and ends in literals.
 *
 *  Snapshot, header (shard, epoch, seq and checksum are the seal's):
 *  | offset | size | field         | notes                                          |
 *  |--------|------|---------------|------------------------------------------------|
 *  | 0      | 4    | magic         | "CSNP"                                         |
 *  | 4      | 1    | version       | 2                                              |
 *  | 5      | 1    | pageSizeLog2  | 0 when pageCount is 0                          |
 *  | 6      | 4    | pageCount     |                                                |
 *  | 10     | 209  | seal          |                                                |
 *  | 219    | 195  | head          | the sealed frame, stand-alone, as a stub       |
 *  | 414    | 4    | authoritySize | then that many bytes: count varint, each frame |
 *  |        |      |               | stand-alone with a length varint before it     |
 *  Then the leaves, 32 × pageCount, and chunks to the end.
 *  Snapshot, chunk header:
 *  | 0      | 1    | codec        | 0 plain, 1 deflate-raw                   |
 *  | 1      | 4    | firstPgno    | ascending; a page in no chunk is zeros   |
 *  | 5      | 4    | plainSize    | a whole number of pages, at most 1 MiB   |
 *  | 9      | 4    | size         | then that many bytes                     |
 *  A snapshot has no signature: its root must be the seal's, which covers page size, page count and
 *  every page through the leaves, and its head recomputes to the seal's checksum, which covers the clock.
 *  Not covered: codec and cutting into chunks, which change nothing that is kept. */

import { assert } from '../base/assert.ts'

export const PAGE_SIZE_MIN = 512
export const PAGE_SIZE_MAX = 65_536
/** 128 GiB of 8 KiB pages; their leaves are 512 MiB, so more would not fit a browser's memory. */
export const PAGE_COUNT_MAX: number = 2 ** 24

export const ENCODING_FULL = 0
export const ENCODING_RUNS = 1
export const ENCODING_LZ4 = 2

/** A frame's payload block is at most 16 MiB; the rest is for salt, lengths, encryption and what
 *  deflate adds to bytes that do not shrink. */
export const PAYLOAD_SECTION_BYTES_MAX: number = 16 * 1024 * 1024 - 4096
/** More or longer names than these are encoded as "unknown". */
export const PAYLOAD_TABLES_MAX = 256
export const PAYLOAD_TABLE_NAME_BYTES_MAX = 1024

export const LEAF_BYTES = 32

export const SNAPSHOT_MAGIC: Uint8Array = Uint8Array.of(0x43, 0x53, 0x4e, 0x50)
export const SNAPSHOT_VERSION = 2
export const SNAPSHOT_HEADER_BYTES = 418
export const SNAPSHOT_CHUNK_HEADER_BYTES = 13
export const SNAPSHOT_CHUNK_PLAIN_BYTES_MAX = 1_048_576
export const SNAPSHOT_PART_BYTES_MAX = 1_048_576
/** More than a thousand hand-overs. */
export const SNAPSHOT_AUTHORITY_BYTES_MAX = 1_048_576
export const CODEC_PLAIN = 0
export const CODEC_DEFLATE_RAW = 1

/** SQLite keeps the page at byte 2^30 for its locks and never writes it (file format §1.2.1). */
const LOCK_BYTE = 0x4000_0000

/** Number of the lock-byte page; it is zeros in every root, payload and snapshot. */
export function lockBytePgno(pageSize: number): number {
  return LOCK_BYTE / pageSize + 1
}

export function isPageSize(value: number): boolean {
  const isPowerOfTwo = Number.isInteger(value) && (value & (value - 1)) === 0
  return isPowerOfTwo && value >= PAGE_SIZE_MIN && value <= PAGE_SIZE_MAX
}

export function pageSizeToLog2(pageSize: number): number {
  assert(isPageSize(pageSize), `${pageSize} is a page size of SQLite`)
  return 31 - Math.clz32(pageSize)
}
