/** Layout of the log (FORMATS §10): tables, constants, numbers of the record types.
 *  Keeps: a test reads these tables and compares them with the constants and with encoded bytes.
 *
 *  File header; the CRC covers every byte before it
 *  | offset | size | name           | meaning                                                    |
 *  |      0 |    4 | magic          | "CLOG"                                                     |
 *  |      4 |    1 | version        | 2                                                          |
 *  |      5 |    1 | pageSizeLog2   | 0 while the database has no page                           |
 *  |      6 |    2 | reserved       | zeros                                                      |
 *  |      8 |   16 | generation     | random at every reuse of the file                          |
 *  |     24 |    8 | fileNumber     | segments are read in its order                             |
 *  |     32 |    8 | baseSeq        | position of the start mark                                 |
 *  |     40 |    8 | firstGroup     | number of the first group; it voids groups from this       |
 *  |        |      |                | number on in segments before this one                      |
 *  |     48 |   12 | reserved       | zeros                                                      |
 *  |     60 |    4 | crc            | CRC-32C of bytes 0 to 60                                   |
 *
 *  Group header; the CRC covers generation, bytes 0 to 28 and the body; zeros pad a group to 8 bytes
 *  | offset | size | name           | meaning                                                    |
 *  |      0 |    2 | magic          | "CG"                                                       |
 *  |      2 |    2 | flags          | bit 0: it holds frames, seals or a truncation              |
 *  |      4 |    4 | bodyBytes      | without the padding                                        |
 *  |      8 |    8 | number         | one above the group before it, across segments             |
 *  |     16 |    8 | flushed        | highest group known flushed when this one was written      |
 *  |     24 |    4 | owner          | each open takes the next; never falls along the log        |
 *  |     28 |    4 | crc            |                                                            |
 *
 *  Body: records, each type u8, length varint, bytes.
 *  | type | name      | bytes                                                                        |
 *  |    1 | frames    | mark u8 (0: the frames record before it in this segment goes on; 1: a run    |
 *  |      |           | header up to prev follows), count varint, frames as in a sealed run; hlc is  |
 *  |      |           | counted from 0 in each record                                                |
 *  |    2 | seal      | a whole seal, so that it can be read without the frames before it            |
 *  |    6 | start     | start mark, first record of every segment; see start-mark.ts                 |
 *  |    8 | requests  | request entries, see below                                                   |
 *  |    9 | images    | as-of group u64, record index u16, file u8 (0 pages, 1 leaves),              |
 *  |      |           | (pgno varint, length varint, bytes)...                                       |
 *  |   10 | holders   | oldest file number kept u64, count varint, (name str16, seq u64)...          |
 *  |   11 | truncate  | seq u64, checksum 32: frames above this position are cut                     |
 *  |   12 | halt      | why this copy stopped, with the evidence; see halt-record.ts                 |
 *  Request entry; `changes` and `lastInsertRowid` stand in answered ones alone
 *  | offset | size | name            | meaning                                                   |
 *  |      0 |    8 | tag             | random, of one client                                     |
 *  |      8 |    8 | time            | seconds since the Unix epoch << 20, then a counter: so an |
 *  |        |      |                 | id says how old it is without any clock                   |
 *  |     16 |    8 | seq             | the newest frame of its work; 0 in kind 3                 |
 *  |     24 |    1 | kind            | 0 begun: part of the work is here, perhaps not all;       |
 *  |        |      |                 | 1 done; 2 answered; 3 forgotten: nothing is known of ids  |
 *  |        |      |                 | of this second and older but what other entries say       |
 *  |     25 |    8 | changes         |                                                           |
 *  |     33 |    8 | lastInsertRowid | signed                                                    |
 *  An entry stands in one group with the newest frames that it speaks of.
 *  A record's index in its group does not count `start`, so that records keep their place when they are
 *  written again behind one.  The first frames record of a segment, and one at least every
 *  `RUN_HEADER_EVERY_BYTES` after, has mark 1: reading back begins there. */

export const LOG_MAGIC = 0x434c_4f47
export const LOG_VERSION = 2
export const FILE_HEADER_BYTES = 64
export const FILE_HEADER_CRC_OFFSET = 60
export const GENERATION_BYTES = 16

export const GROUP_MAGIC = 0x4347
export const GROUP_HEADER_BYTES = 32
export const GROUP_CRC_OFFSET = 28
export const GROUP_ALIGN_BYTES = 8
export const GROUP_FLAG_CHAIN = 1
/** 1 GiB.  What is read is bounded by the file's own size before this limit matters. */
export const GROUP_BODY_BYTES_MAX = 1_073_741_824
/** A place names the record in 16 bits. */
export const GROUP_RECORDS_MAX = 65_535

export const RECORD_FRAMES = 1
export const RECORD_SEAL = 2
export const RECORD_START = 6
export const RECORD_REQUESTS = 8
export const RECORD_IMAGES = 9
export const RECORD_HOLDERS = 10
export const RECORD_TRUNCATE = 11
export const RECORD_HALT = 12

export const MARK_GOES_ON = 0
export const MARK_RUN_HEADER = 1
export const RUN_HEADER_EVERY_BYTES = 16_384

export const REQUEST_ID_BYTES = 16
export const REQUEST_TAG_BYTES = 8
export const REQUEST_COUNTER_BITS = 20
export const REQUEST_BEGUN = 0
export const REQUEST_DONE = 1
export const REQUEST_ANSWERED = 2
export const REQUEST_FORGOTTEN = 3
export const REQUEST_ENTRY_BYTES_MAX = 41
/** A record of one entry, type and length included. */
export const REQUEST_RECORD_BYTES_MAX = 43
/** Entries in a start mark at most. */
export const REQUESTS_MAX = 65_536
export const IMAGE_BYTES_MAX = 65_536
export const HOLDERS_MAX = 64
export const HOLDER_NAME_BYTES_MAX = 512
export const AUTHORITY_FRAME_BYTES_MAX = 65_536
export const PAGE_FILE_NAME_BYTES_MAX = 64
export const HALT_MESSAGE_BYTES_MAX = 1024
export const HALT_FACTS_MAX = 16
export const HALT_FACT_NAME_BYTES_MAX = 64
/** The largest evidence is a hand-over. */
export const HALT_FACT_BYTES_MAX = 65_536

/** Bytes that a group of this body takes in its file. */
export function groupBytes(bodyBytes: number): number {
  return Math.ceil((GROUP_HEADER_BYTES + bodyBytes) / GROUP_ALIGN_BYTES) * GROUP_ALIGN_BYTES
}
