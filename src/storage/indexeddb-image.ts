/** Image: the bytes of one file in memory, in chunks, with what the records of IndexedDB lack of it.
 *  Keeps: what was never written, or was cut off, is zeros and takes no memory; a chunk that is being written
 *  out does not change meanwhile, since a changed one is another array. */

import { isZero } from '../bytes/compare.ts'

/** What a transaction has to write for the records to be the image. */
export type ImageChanges = {
  readonly sizeBytes: number
  /** Chunks from this one on are deleted first. */
  readonly deleteFrom: number | undefined
  /** By index; undefined for zeros, which need no record. */
  readonly chunks: ReadonlyMap<number, Uint8Array | undefined>
}

export type Image = {
  readonly sizeBytes: number
  read(at: number, into: Uint8Array): number
  write(at: number, bytes: Uint8Array): void
  truncate(sizeBytes: number): void
  /** Takes what is to be written; undefined when the records have it all. */
  take(): ImageChanges | undefined
  /** What was taken is in the records. */
  written(): void
  /** What was taken was not written: it is to be written still. */
  giveBack(changes: ImageChanges): void
}

export type StoredImage = {
  readonly sizeBytes: number
  readonly chunks: ReadonlyMap<number, Uint8Array<ArrayBuffer>>
}

type State = {
  readonly chunkBytes: number
  sizeBytes: number
  readonly chunks: Map<number, Uint8Array<ArrayBuffer>>
  isSizeDirty: boolean
  deleteFrom: number | undefined
  readonly dirty: Set<number>
  /** Taken and perhaps not yet copied by the browser. */
  taken: ReadonlySet<Uint8Array | undefined>
}

export function createImage(chunkBytes: number, stored: StoredImage): Image {
  const state: State = {
    chunkBytes,
    sizeBytes: stored.sizeBytes,
    chunks: new Map(stored.chunks),
    isSizeDirty: false,
    deleteFrom: undefined,
    dirty: new Set(),
    taken: new Set(),
  }
  return {
    get sizeBytes() {
      return state.sizeBytes
    },
    read: (at, into) => read(state, at, into),
    write: (at, bytes) => write(state, at, bytes),
    truncate: (sizeBytes) => truncate(state, sizeBytes),
    take: () => take(state),
    written: () => {
      state.taken = new Set()
    },
    giveBack: (changes) => giveBack(state, changes),
  }
}

function read({ chunkBytes, chunks, sizeBytes }: State, at: number, into: Uint8Array): number {
  const length = Math.max(0, Math.min(into.length, sizeBytes - at))
  for (let done = 0; done < length; ) {
    const index = Math.floor((at + done) / chunkBytes)
    const start = at + done - index * chunkBytes
    const count = Math.min(chunkBytes - start, length - done)
    const chunk = chunks.get(index)
    if (chunk === undefined) into.fill(0, done, done + count)
    else into.set(chunk.subarray(start, start + count), done)
    done += count
  }
  return length
}

function write(state: State, at: number, bytes: Uint8Array): void {
  const { chunkBytes, chunks } = state
  for (let done = 0; done < bytes.length; ) {
    const index = Math.floor((at + done) / chunkBytes)
    const start = at + done - index * chunkBytes
    const piece = bytes.subarray(done, done + chunkBytes - start)
    done += piece.length
    // Zeros are written to keep room; where there is nothing they change nothing.
    if (!chunks.has(index) && isZero(piece)) continue
    changeable(state, index).set(piece, start)
  }
  grow(state, at + bytes.length)
}

function grow(state: State, sizeBytes: number): void {
  if (sizeBytes <= state.sizeBytes) return
  state.sizeBytes = sizeBytes
  state.isSizeDirty = true
}

/** A chunk to be changed in place. */
function changeable({ chunkBytes, chunks, dirty, taken }: State, index: number): Uint8Array {
  let chunk = chunks.get(index)
  if (chunk === undefined || taken.has(chunk)) {
    chunk = chunk?.slice() ?? new Uint8Array(chunkBytes)
    chunks.set(index, chunk)
  }
  dirty.add(index)
  return chunk
}

function truncate(state: State, sizeBytes: number): void {
  const { chunkBytes, chunks, dirty } = state
  if (sizeBytes >= state.sizeBytes) {
    grow(state, sizeBytes)
    return
  }
  const kept = Math.ceil(sizeBytes / chunkBytes)
  for (const index of chunks.keys()) if (index >= kept) chunks.delete(index)
  for (const index of dirty) if (index >= kept) dirty.delete(index)
  state.deleteFrom = Math.min(state.deleteFrom ?? kept, kept)
  const last = kept - 1
  if (chunks.has(last)) changeable(state, last).fill(0, sizeBytes - last * chunkBytes)
  state.sizeBytes = sizeBytes
  state.isSizeDirty = true
}

function take(state: State): ImageChanges | undefined {
  const { chunks, dirty, deleteFrom, sizeBytes } = state
  if (dirty.size === 0 && deleteFrom === undefined && !state.isSizeDirty) return undefined
  const changed = new Map([...dirty].map((index) => [index, chunks.get(index)]))
  dirty.clear()
  state.deleteFrom = undefined
  state.isSizeDirty = false
  state.taken = new Set(changed.values())
  return { sizeBytes, deleteFrom, chunks: changed }
}

function giveBack(state: State, changes: ImageChanges): void {
  const { deleteFrom } = changes
  state.taken = new Set()
  state.isSizeDirty = true
  if (deleteFrom !== undefined) {
    state.deleteFrom = Math.min(state.deleteFrom ?? deleteFrom, deleteFrom)
    // They go with the next deletion, so what is there must be written behind it.
    for (const index of state.chunks.keys()) {
      if (index >= state.deleteFrom) state.dirty.add(index)
    }
  }
  for (const index of changes.chunks.keys()) {
    if (state.chunks.has(index)) state.dirty.add(index)
  }
}
