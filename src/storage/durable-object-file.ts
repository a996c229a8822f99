/** One file of the Durable Object device: chunks in rows, with what was written since the last sync in
 *  memory, so that a sync writes each touched chunk once.
 *  Keeps: a read sees what was written; `writeOut` changes all rows or none, and what it could not write
 *  stays in memory; what was cut off is zeros when the file grows again.
 *  Never: holds more than the buffer's bound, which goes out early instead: the device's fault model lets
 *  unsynced writes persist. */

import { isZero } from '../bytes/compare.ts'
import type { Chunk, ChunkChanges, ObjectFileRow, ObjectTables } from './durable-object-tables.ts'
import { quotaFailure } from './failures.ts'

export type ChunkFile = {
  size(): number
  read(at: number, into: Uint8Array): number
  write(at: number, bytes: Uint8Array): void
  truncate(sizeBytes: number): void
  /** Writes what changed into its rows, in one transaction. */
  writeOut(): void
}

export type ChunkFileOptions = {
  readonly tables: ObjectTables
  readonly file: ObjectFileRow
  /** A write that grows the file is refused when the object's database would pass this. */
  readonly capacityBytes: number
}

/** Written bytes that wait for a sync. */
const BUFFER_BYTES_MAX = 4_194_304

type State = ChunkFileOptions & {
  /** What the rows say; chunks that begin at `storedEnd` or later are stale. */
  storedBytes: number
  storedEnd: number
  sizeBytes: number
  /** Whole chunks that the rows lack. */
  readonly dirty: Map<number, Uint8Array>
  /** The last chunk that was written out, since a log goes on in it. */
  warm: Chunk | undefined
}

export function openChunkFile(options: ChunkFileOptions): ChunkFile {
  const { sizeBytes } = options.file
  const state: State = {
    ...options,
    storedBytes: sizeBytes,
    storedEnd: sizeBytes,
    sizeBytes,
    dirty: new Map(),
    warm: undefined,
  }
  return {
    size: () => state.sizeBytes,
    read: (at, into) => read(state, at, into),
    write: (at, bytes) => write(state, at, bytes),
    truncate: (size) => truncate(state, size),
    writeOut: () => writeOut(state),
  }
}

function read(state: State, at: number, into: Uint8Array): number {
  const { chunkBytes } = state.file
  const length = Math.max(0, Math.min(into.length, state.sizeBytes - at))
  if (length === 0) return 0
  const first = Math.floor(at / chunkBytes)
  const last = Math.floor((at + length - 1) / chunkBytes)
  const target = into.subarray(0, length)
  const held = (index: number): Uint8Array | undefined => heldChunk(state, index)
  if (first === last) {
    const start = at - first * chunkBytes
    const bytes = held(first)?.subarray(start, start + length)
    const found = bytes ?? storedPart(state, { index: first, start, length })
    target.set(found)
    target.fill(0, found.length)
    return length
  }
  target.fill(0)
  const stored = storedChunks(state, first, last)
  for (const { index, bytes } of stored) {
    if (held(index) === undefined) copyChunk({ target, at, chunkBytes }, index, bytes)
  }
  for (let index = first; index <= last; index++) {
    const bytes = held(index)
    if (bytes !== undefined) copyChunk({ target, at, chunkBytes }, index, bytes)
  }
  return length
}

/** Copies what of chunk `index` lies in `target`, which begins at `at` of the file. */
function copyChunk(
  { target, at, chunkBytes }: { target: Uint8Array; at: number; chunkBytes: number },
  index: number,
  bytes: Uint8Array,
): void {
  const offset = index * chunkBytes - at
  const from = Math.max(0, -offset)
  const to = Math.min(bytes.length, target.length - offset)
  if (to > from) target.set(bytes.subarray(from, to), offset + from)
}

function heldChunk({ dirty, warm }: State, index: number): Uint8Array | undefined {
  return dirty.get(index) ?? (warm?.index === index ? warm.bytes : undefined)
}

function storedPart(
  { tables, file, storedEnd }: State,
  { index, start, length }: { index: number; start: number; length: number },
): Uint8Array {
  if (index * file.chunkBytes >= storedEnd) return new Uint8Array(0)
  return tables.readPart(file, index, start, length)
}

function storedChunks(
  { tables, file, storedEnd }: State,
  first: number,
  last: number,
): readonly Chunk[] {
  const lastStored = Math.min(last, Math.ceil(storedEnd / file.chunkBytes) - 1)
  return first > lastStored ? [] : tables.readChunks(file, first, lastStored)
}

function write(state: State, at: number, bytes: Uint8Array): void {
  const { chunkBytes } = state.file
  const end = at + bytes.length
  if (end > state.sizeBytes) checkRoom(state, end - state.sizeBytes)
  for (let done = 0; done < bytes.length; ) {
    const index = Math.floor((at + done) / chunkBytes)
    const start = at + done - index * chunkBytes
    const piece = bytes.subarray(done, done + chunkBytes - start)
    const isWhole = piece.length === chunkBytes
    const chunk = isWhole ? new Uint8Array(chunkBytes) : changeable(state, index)
    chunk.set(piece, start)
    state.dirty.set(index, chunk)
    done += piece.length
    state.sizeBytes = Math.max(state.sizeBytes, at + done)
    if (state.dirty.size * chunkBytes > BUFFER_BYTES_MAX) writeOut(state)
  }
}

/** A chunk as it is, to be changed.  What the file ends before is zeros in it. */
function changeable(state: State, index: number): Uint8Array {
  const { chunkBytes } = state.file
  const held = heldChunk(state, index)
  if (held !== undefined) return held
  const chunk = new Uint8Array(chunkBytes)
  chunk.set(storedPart(state, { index, start: 0, length: chunkBytes }))
  return chunk
}

function checkRoom({ tables, dirty, file, capacityBytes }: State, addedBytes: number): void {
  const waitingBytes = dirty.size * file.chunkBytes
  if (tables.sizeBytes() + waitingBytes + addedBytes <= capacityBytes) return
  throw quotaFailure('the database in the storage of its object')
}

function truncate(state: State, sizeBytes: number): void {
  const { chunkBytes } = state.file
  if (sizeBytes < state.sizeBytes) {
    const index = Math.floor(sizeBytes / chunkBytes)
    const start = sizeBytes - index * chunkBytes
    if (start > 0) {
      const chunk = changeable(state, index)
      chunk.fill(0, start)
      state.dirty.set(index, chunk)
    }
    for (const other of state.dirty.keys()) {
      if (other * chunkBytes >= sizeBytes) state.dirty.delete(other)
    }
    if (state.warm !== undefined && state.warm.index >= index) state.warm = undefined
    state.storedEnd = Math.min(state.storedEnd, sizeBytes)
  }
  state.sizeBytes = sizeBytes
}

function writeOut(state: State): void {
  const { tables, file, dirty } = state
  const newest = [...dirty].at(-1)
  const isCut = state.storedEnd < state.storedBytes
  const lastIndex = Math.ceil(state.sizeBytes / file.chunkBytes) - 1
  // The last chunk says where the file ends.
  const isEndOther = isCut || state.sizeBytes !== state.storedBytes
  if (isEndOther && lastIndex >= 0 && !dirty.has(lastIndex)) {
    dirty.set(lastIndex, changeable(state, lastIndex))
  }
  if (dirty.size === 0 && !isCut) return
  tables.change(file, {
    deleteFrom: isCut ? Math.ceil(state.storedEnd / file.chunkBytes) : undefined,
    ...rowsOf(state, lastIndex),
  })
  if (newest !== undefined) state.warm = { index: newest[0], bytes: newest[1] }
  dirty.clear()
  state.storedBytes = state.sizeBytes
  state.storedEnd = state.sizeBytes
}

/** Zeros need no row, but at the end of the file. */
function rowsOf(
  { file: { chunkBytes }, dirty, sizeBytes, storedEnd }: State,
  lastIndex: number,
): Pick<ChunkChanges, 'deleted' | 'written'> {
  const written: Chunk[] = []
  const deleted: number[] = []
  for (const [index, bytes] of dirty) {
    if (index === lastIndex) {
      written.push({ index, bytes: bytes.subarray(0, sizeBytes - index * chunkBytes) })
    } else if (!isZero(bytes)) written.push({ index, bytes: withoutZeros(bytes) })
    else if (index * chunkBytes < storedEnd) deleted.push(index)
  }
  return { written, deleted }
}

/** `bytes` without the zeros at its end. */
function withoutZeros(bytes: Uint8Array): Uint8Array {
  let end = bytes.length
  while (end > 0 && bytes[end - 1] === 0) end -= 1
  return bytes.subarray(0, end)
}
