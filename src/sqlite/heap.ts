/** Heap: reads and writes in the WASM memory of SQLite.
 *  Keeps: views are taken again after the memory has grown, because growing detaches the old buffer;
 *  nobody holds a view across a call into C.
 *  Never: strips a byte order mark or stops at NUL inside a sized text. */

import { assert } from '../base/assert.ts'
import { ConstelliteError } from '../base/failure.ts'
import type { Pointer, Sqlite3 } from './module.ts'

export type Heap = {
  /** The whole memory; valid until the next call into C. */
  bytes(): Uint8Array
  view(): DataView
  /** A NUL-terminated string; '' for a null pointer. */
  cText(pointer: Pointer): string
  text(pointer: Pointer, sizeBytes: number): string
  /** Memory that `free` gives back.  Throws ErrTooLarge when there is none. */
  allocate(sizeBytes: number): Pointer
  /** NUL-terminated UTF-8, to be freed by the caller. */
  allocateText(text: string): { readonly pointer: Pointer; readonly sizeBytes: number }
  free(pointer: Pointer): void
}

export function createHeap(sqlite3: Sqlite3): Heap {
  const { wasm } = sqlite3
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true })
  const encoder = new TextEncoder()
  let bytes = wasm.heap8u()
  let view = new DataView(bytes.buffer)
  const current = (): Uint8Array => {
    if (bytes.byteLength === 0) {
      bytes = wasm.heap8u()
      view = new DataView(bytes.buffer)
    }
    return bytes
  }
  const heap: Heap = {
    bytes: current,
    view() {
      current()
      return view
    },
    cText(pointer) {
      if (pointer === 0) return ''
      const all = current()
      return decoder.decode(all.subarray(pointer, all.indexOf(0, pointer)))
    },
    text(pointer, sizeBytes) {
      if (sizeBytes === 0) return ''
      return decoder.decode(current().subarray(pointer, pointer + sizeBytes))
    },
    allocate(sizeBytes) {
      const pointer = wasm.exports.sqlite3_malloc(sizeBytes)
      if (pointer === 0) throw outOfMemory(sizeBytes)
      return pointer
    },
    allocateText(text) {
      const encoded = encoder.encode(text)
      const pointer = heap.allocate(encoded.byteLength + 1)
      const all = current()
      all.set(encoded, pointer)
      all[pointer + encoded.byteLength] = 0
      return { pointer, sizeBytes: encoded.byteLength }
    },
    free: (pointer) => wasm.exports.sqlite3_free(pointer),
  }
  return heap
}

function outOfMemory(sizeBytes: number): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrTooLarge',
    message: `SQLite's memory has no room for ${sizeBytes} bytes.`,
    hint: 'Store large values in pieces, or in fewer open databases.',
    facts: { sizeBytes },
    retry: 'later',
  })
}

/** Room for the bound values of the running statements, so that binding allocates nothing.  Statements
 *  nest (one engine's callbacks may read through another connection), so this is a stack. */
export type Scratch = {
  /** Begins the values of one statement. */
  push(): void
  /** Forgets the values since the last `push`. */
  pop(): void
  /** Copies a text; `sizeBytes` has its size.  The pointer lives until `pop`. */
  putText(text: string): Pointer
  putBytes(bytes: Uint8Array): Pointer
  readonly sizeBytes: number
  close(): void
}

const SCRATCH_BYTES = 64 * 1024

export function createScratch(heap: Heap): Scratch {
  const encoder = new TextEncoder()
  const base = heap.allocate(SCRATCH_BYTES)
  /** Values that were too large for what was left, and where each statement began in both. */
  const extra: Pointer[] = []
  const starts: { readonly used: number; readonly extra: number }[] = []
  let used = 0
  let sizeBytes = 0
  const reserve = (wanted: number): Pointer => {
    if (used + wanted <= SCRATCH_BYTES) return base + used
    const pointer = heap.allocate(wanted)
    extra.push(pointer)
    return pointer
  }
  const keep = (pointer: Pointer, size: number): Pointer => {
    sizeBytes = size
    if (pointer === base + used) used += size
    return pointer
  }
  return {
    get sizeBytes() {
      return sizeBytes
    },
    push() {
      starts.push({ used, extra: extra.length })
    },
    pop() {
      const start = starts.pop()
      assert(start !== undefined, 'every pop follows its push')
      used = start.used
      for (const pointer of extra.splice(start.extra)) heap.free(pointer)
    },
    putText(text) {
      if (used + text.length * 3 >= SCRATCH_BYTES) return this.putBytes(encoder.encode(text))
      // UTF-8 takes at most three bytes for each UTF-16 unit; one more keeps the pointer non-null.
      const pointer = reserve(text.length * 3 + 1)
      const target = heap.bytes().subarray(pointer, pointer + text.length * 3)
      return keep(pointer, encoder.encodeInto(text, target).written)
    },
    putBytes(bytes) {
      const pointer = reserve(bytes.byteLength + 1)
      heap.bytes().set(bytes, pointer)
      return keep(pointer, bytes.byteLength)
    },
    close() {
      assert(starts.length === 0, 'no statement runs when its engine closes')
      heap.free(base)
    },
  }
}
