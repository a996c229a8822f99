/** Chunks of a snapshot: runs of pages, plain or compressed (FORMATS §11; table in layout.ts).
 *  Keeps: chunks ascend and never overlap; a page in no chunk is zeros, and its leaf must say so; every
 *  page is compared with its leaf before anybody sees it.
 *  Never: inflates past the size that the chunk names. */

import { ConstelliteError } from '../base/failure.ts'
import { equalBytes } from '../bytes/compare.ts'
import { createReader, DecodeError } from '../bytes/reader.ts'
import { createWriter } from '../bytes/writer.ts'
import {
  CODEC_DEFLATE_RAW,
  CODEC_PLAIN,
  LEAF_BYTES,
  lockBytePgno,
  SNAPSHOT_CHUNK_HEADER_BYTES,
  SNAPSHOT_CHUNK_PLAIN_BYTES_MAX,
} from './layout.ts'
import type { PartsReader } from './parts.ts'
import { leafOf, zeroLeaf } from './tree.ts'

/** Raw deflate (RFC 1951); each platform brings its own. */
export type Compressor = {
  compress(bytes: Uint8Array): Promise<Uint8Array>
  /** Stops, and rejects, when there would be more than `sizeBytesMax`. */
  decompress(bytes: Uint8Array, sizeBytesMax: number): Promise<Uint8Array>
}

export type ChunkSource = {
  readonly pageSize: number
  readonly leaves: Uint8Array
  readonly readPage: (pgno: number, target: Uint8Array) => void
  readonly compressor: Compressor | undefined
}

export type ChunkTarget = {
  readonly pageSize: number
  readonly leaves: Uint8Array
  readonly compressor: Compressor | undefined
}

type PagesSink = { pages(firstPgno: number, bytes: Uint8Array): void | Promise<void> }

type ChunkHeader = {
  readonly codec: number
  readonly firstPgno: number
  readonly plainBytes: number
  readonly sizeBytes: number
}

/** Every page that is not zeros, as chunk after chunk; each is valid until the next is asked for. */
export async function* encodeChunks(source: ChunkSource): AsyncGenerator<Uint8Array> {
  const { pageSize, leaves, readPage } = source
  const pageCount = leaves.byteLength / LEAF_BYTES
  if (pageCount === 0) return
  const pagesMax = SNAPSHOT_CHUNK_PLAIN_BYTES_MAX / pageSize
  const buffer = new Uint8Array(Math.min(pagesMax, pageCount) * pageSize)
  const zero = zeroLeaf(pageSize)
  const isZero = (pgno: number): boolean => equalBytes(leafAt(leaves, pgno), zero)
  for (let pgno = 1; pgno <= pageCount; ) {
    const firstPgno = pgno
    while (pgno <= pageCount && pgno - firstPgno < pagesMax && !isZero(pgno)) {
      const at = (pgno - firstPgno) * pageSize
      readPage(pgno, buffer.subarray(at, at + pageSize))
      pgno += 1
    }
    if (pgno === firstPgno) pgno += 1
    else yield* encodeChunk(firstPgno, buffer.subarray(0, (pgno - firstPgno) * pageSize), source)
  }
}

/** Hands every page of the database to the sink, the zeros between the chunks too. */
export async function readPages(
  parts: PartsReader,
  target: ChunkTarget,
  sink: PagesSink,
): Promise<void> {
  const { pageSize, leaves } = target
  const pageCount = leaves.byteLength / LEAF_BYTES
  let next = 1
  while (!(await parts.isAtEnd())) {
    const header = decodeChunkHeader(await parts.take(SNAPSHOT_CHUNK_HEADER_BYTES), target)
    const { firstPgno, plainBytes } = header
    if (firstPgno < next) throw new DecodeError('chunks do not ascend')
    await passZeros(next, firstPgno, target, sink)
    const bytes = await readChunk(parts, header, target)
    next = firstPgno + plainBytes / pageSize
    for (let pgno = firstPgno; pgno < next; pgno++) {
      const at = (pgno - firstPgno) * pageSize
      checkLeaf(pgno, leafOf(bytes.subarray(at, at + pageSize)), target)
    }
    await sink.pages(firstPgno, bytes)
  }
  await passZeros(next, pageCount + 1, target, sink)
}

async function* encodeChunk(
  firstPgno: number,
  plain: Uint8Array,
  { compressor }: ChunkSource,
): AsyncGenerator<Uint8Array> {
  const compressed = await compressor?.compress(plain)
  const isSmaller = compressed !== undefined && compressed.byteLength < plain.byteLength
  const bytes = isSmaller ? compressed : plain
  yield createWriter(SNAPSHOT_CHUNK_HEADER_BYTES)
    .u8(isSmaller ? CODEC_DEFLATE_RAW : CODEC_PLAIN)
    .u32(firstPgno)
    .u32(plain.byteLength)
    .u32(bytes.byteLength)
    .finish()
  yield bytes
}

function decodeChunkHeader(bytes: Uint8Array, { pageSize, leaves }: ChunkTarget): ChunkHeader {
  const reader = createReader(bytes)
  const codec = reader.u8()
  const firstPgno = reader.u32()
  const plainBytes = reader.u32()
  const sizeBytes = reader.u32()
  const pageCount = leaves.byteLength / LEAF_BYTES
  if (codec !== CODEC_PLAIN && codec !== CODEC_DEFLATE_RAW) {
    throw new DecodeError(`codec ${codec} is unknown`)
  }
  // Without pages the page size is 0, and the remainder NaN.
  if (plainBytes === 0 || plainBytes % pageSize !== 0) {
    throw new DecodeError('a chunk is not a whole number of pages')
  }
  if (plainBytes > SNAPSHOT_CHUNK_PLAIN_BYTES_MAX) throw new DecodeError('a chunk is too large')
  if (firstPgno < 1 || firstPgno - 1 + plainBytes / pageSize > pageCount) {
    throw new DecodeError('a chunk goes past the last page')
  }
  const isSizeRight = codec === CODEC_PLAIN ? sizeBytes === plainBytes : sizeBytes < plainBytes
  if (!isSizeRight) throw new DecodeError('the size of a chunk does not fit its codec')
  return { codec, firstPgno, plainBytes, sizeBytes }
}

async function readChunk(
  parts: PartsReader,
  { codec, plainBytes, sizeBytes }: ChunkHeader,
  { compressor }: ChunkTarget,
): Promise<Uint8Array> {
  const bytes = await parts.take(sizeBytes)
  if (codec === CODEC_PLAIN) return bytes
  if (compressor === undefined) {
    throw new ConstelliteError({
      code: 'ErrUnavailable',
      message: 'The snapshot is compressed, and nothing here can inflate it.',
      hint: 'Ask for a plain one, or update.',
    })
  }
  const plain = await compressor.decompress(bytes, plainBytes)
  if (plain.byteLength !== plainBytes) throw new DecodeError('a chunk inflates to another size')
  return plain
}

/** Pages in no chunk, from `firstPgno` up to and without `end`. */
async function passZeros(
  firstPgno: number,
  end: number,
  target: ChunkTarget,
  sink: PagesSink,
): Promise<void> {
  const { pageSize } = target
  if (firstPgno >= end) return
  const pagesMax = SNAPSHOT_CHUNK_PLAIN_BYTES_MAX / pageSize
  const bytes = new Uint8Array(Math.min(pagesMax, end - firstPgno) * pageSize)
  for (let first = firstPgno; first < end; first += pagesMax) {
    const count = Math.min(pagesMax, end - first)
    for (let pgno = first; pgno < first + count; pgno++) {
      checkLeaf(pgno, zeroLeaf(pageSize), target)
    }
    await sink.pages(first, bytes.fill(0).subarray(0, count * pageSize))
  }
}

/** The leaf that a page has must be the one that the snapshot's root covers. */
function checkLeaf(pgno: number, leaf: Uint8Array, { pageSize, leaves }: ChunkTarget): void {
  const isLockByteRight = pgno !== lockBytePgno(pageSize) || equalBytes(leaf, zeroLeaf(pageSize))
  if (isLockByteRight && equalBytes(leaf, leafAt(leaves, pgno))) return
  throw new ConstelliteError({
    code: 'ErrChecksum',
    message: `Page ${pgno} of the snapshot is not the one that its seal names.`,
    hint: 'Its bytes were changed or left out on the way; nothing of it was kept.  Ask another peer.',
    facts: { pgno },
  })
}

function leafAt(leaves: Uint8Array, pgno: number): Uint8Array {
  return leaves.subarray((pgno - 1) * LEAF_BYTES, pgno * LEAF_BYTES)
}
