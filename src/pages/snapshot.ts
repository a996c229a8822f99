/** Snapshot: the whole page image at a sealed frame, as a stream (FORMATS §11; table in layout.ts).
 *  Keeps: the head is the sealed frame, so that its clock is proved; the leaves' root is the seal's, every
 *  page is its leaf's, pages arrive in order and each once; memory is bounded by the leaves and one chunk.
 *  Never: judges seal or authority; the reader's sink does, before the first page reaches it. */

import { assert } from '../base/assert.ts'
import { ConstelliteError, isFailure, orThrow, type Result } from '../base/failure.ts'
import { equalBytes } from '../bytes/compare.ts'
import { createReader, DecodeError, decoding } from '../bytes/reader.ts'
import { createWriter } from '../bytes/writer.ts'
import { AUTHORITY_FRAMES_MAX } from '../frame/authority.ts'
import { decodeFrame, encodeFrame, type Frame, stubOf } from '../frame/frame.ts'
import { FRAME_STUB_BYTES } from '../frame/layout.ts'
import { readSeal, type Seal, writeSeal } from '../frame/seal.ts'
import {
  isPageSize,
  LEAF_BYTES,
  PAGE_COUNT_MAX,
  pageSizeToLog2,
  SNAPSHOT_AUTHORITY_BYTES_MAX,
  SNAPSHOT_HEADER_BYTES,
  SNAPSHOT_MAGIC,
  SNAPSHOT_PART_BYTES_MAX,
  SNAPSHOT_VERSION,
} from './layout.ts'
import { createPartsReader, createPartsWriter, type PartsReader } from './parts.ts'
import { type ChunkSource, type Compressor, encodeChunks, readPages } from './snapshot-chunks.ts'
import { createPageTree, type PageTree } from './tree.ts'

export type SnapshotHeader = {
  readonly shard: Uint8Array
  /** 0 when there is no page. */
  readonly pageSize: number
  readonly pageCount: number
  readonly seal: Seal
  /** The sealed frame; its payload does not travel. */
  readonly head: Frame
  /** Genesis and every hand-over, oldest first. */
  readonly authority: readonly Frame[]
}

export type SnapshotSource = {
  readonly header: SnapshotHeader
  /** `PageTree.leaves` as of the seal. */
  readonly leaves: Uint8Array
  /** Fills `target`, which is one page, as of the seal. */
  readonly readPage: (pgno: number, target: Uint8Array) => void
  /** Without one, chunks are plain. */
  readonly compressor?: Compressor
}

export type SnapshotSink = {
  /** Checks seal and authority; throwing ends the reading with nothing taken. */
  header(header: SnapshotHeader): void | Promise<void>
  /** Verified pages from `firstPgno` on, pages of zeros included, in order, each page once, at most
   *  1 MiB.  `bytes` is the sink's until it returns. */
  pages(firstPgno: number, bytes: Uint8Array): void | Promise<void>
}

export type SnapshotLimits = {
  /** Default PAGE_COUNT_MAX. */
  readonly pageCountMax?: number
  /** For chunks that are compressed; without it they are refused. */
  readonly compressor?: Compressor
}

/** The header, and the tree that the pages were checked with: nobody has to hash them again. */
export type ReadSnapshot = SnapshotHeader & { readonly tree: PageTree }

const FORMAT = 'snapshot'

/** Parts of at most 1 MiB. */
export async function* createSnapshot(source: SnapshotSource): AsyncGenerator<Uint8Array> {
  const { header, leaves, readPage, compressor } = source
  assert(leaves.byteLength === header.pageCount * LEAF_BYTES, 'there is a leaf for every page')
  const parts = createPartsWriter(SNAPSHOT_PART_BYTES_MAX)
  yield* parts.put(encodeHeader(header))
  yield* parts.put(leaves)
  const chunks: ChunkSource = { pageSize: header.pageSize, leaves, readPage, compressor }
  for await (const bytes of encodeChunks(chunks)) yield* parts.put(bytes)
  yield* parts.end()
}

/** Reads and verifies; a failure of the sink that is typed is answered, any other is thrown. */
export async function readSnapshot(
  parts: AsyncIterable<Uint8Array>,
  sink: SnapshotSink,
  limits: SnapshotLimits = {},
): Promise<Result<ReadSnapshot>> {
  const reader = createPartsReader(parts)
  try {
    const header = await readHeader(reader, limits.pageCountMax ?? PAGE_COUNT_MAX)
    await sink.header(header)
    const { pageSize, pageCount, seal } = header
    const leaves = await reader.take(pageCount * LEAF_BYTES)
    const tree = createPageTree({ pageSize, leaves })
    if (!equalBytes(tree.root(), seal.root)) throw mismatch('pages', seal)
    await readPages(reader, { pageSize, leaves, compressor: limits.compressor }, sink)
    return { ok: true, value: { ...header, tree } }
  } catch (error) {
    return refusalOf(error)
  } finally {
    await reader.close()
  }
}

function encodeHeader(header: SnapshotHeader): Uint8Array {
  const { pageSize, pageCount, seal, head } = header
  assert(equalBytes(header.shard, seal.shard), 'the seal is of the shard')
  assert(equalBytes(head.checksum, seal.checksum), 'the seal is of the head')
  const authority = createWriter().varint(header.authority.length)
  for (const frame of header.authority) {
    const bytes = encodeFrame(frame)
    authority.varint(bytes.byteLength).bytes(bytes)
  }
  assert(authority.size <= SNAPSHOT_AUTHORITY_BYTES_MAX, 'the authority is within its limit')
  const writer = createWriter(SNAPSHOT_HEADER_BYTES + authority.size)
    .bytes(SNAPSHOT_MAGIC)
    .u8(SNAPSHOT_VERSION)
    .u8(pageCount === 0 ? 0 : pageSizeToLog2(pageSize))
    .u32(pageCount)
  writeSeal(writer, seal)
  writer.bytes(encodeFrame(stubOf(head)))
  return writer.u32(authority.size).bytes(authority.view()).finish()
}

async function readHeader(parts: PartsReader, pageCountMax: number): Promise<SnapshotHeader> {
  const reader = createReader(await parts.take(SNAPSHOT_HEADER_BYTES))
  reader.expect(SNAPSHOT_MAGIC, 'the magic')
  const version = reader.u8()
  if (version !== SNAPSHOT_VERSION) throw new DecodeError(`version ${version} is unknown`)
  const log2 = reader.u8()
  const pageCount = reader.u32()
  if (pageCount > pageCountMax) {
    throw new DecodeError(`${pageCount} pages are over the limit of ${pageCountMax}`)
  }
  const pageSize = log2 === 0 ? 0 : 2 ** log2
  if ((pageSize === 0) !== (pageCount === 0) || (pageSize !== 0 && !isPageSize(pageSize))) {
    throw new DecodeError(`2^${log2} is no page size`)
  }
  const seal = readSeal(reader)
  const head = orThrow(decodeFrame(reader.bytes(FRAME_STUB_BYTES)))
  const authoritySize = reader.u32()
  reader.end()
  if (!equalBytes(head.checksum, seal.checksum)) throw mismatch('head', seal)
  if (authoritySize > SNAPSHOT_AUTHORITY_BYTES_MAX) {
    throw new DecodeError(`an authority of ${authoritySize} bytes is over the limit`)
  }
  const authority = readAuthorityFrames(await parts.take(authoritySize))
  return { shard: seal.shard, pageSize, pageCount, seal, head, authority }
}

function readAuthorityFrames(bytes: Uint8Array): readonly Frame[] {
  const reader = createReader(bytes)
  const frames: Frame[] = []
  for (let left = reader.varint(AUTHORITY_FRAMES_MAX); left > 0; left--) {
    frames.push(orThrow(decodeFrame(reader.view(reader.varint(reader.remaining)))))
  }
  reader.end()
  return frames
}

function mismatch(part: 'head' | 'pages', { seq, root }: Seal): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrChecksum',
    message: `The ${part} of the snapshot at ${seq} differ${part === 'head' ? 's' : ''} from what its seal names.`,
    hint: 'Whoever served it changed it; nothing of it was kept.  Ask another peer.',
    facts: { seq, sealed: root },
  })
}

function refusalOf(error: unknown): Result<never> {
  if (isFailure(error)) return { ok: false, failure: error }
  return decoding(FORMAT, () => {
    throw error
  })
}
