/** BLAKE3 in the kernel, in its three modes; see wasm/src/blake3.c.
 *  Keeps: keys do not stay in the kernel's memory, but for those of contexts, which are public.
 *  A hasher's state lives in JavaScript and visits the kernel, so nobody has to free it. */

import { assert } from '../base/assert.ts'
import type { KernelInstance } from './kernel-instance.ts'
import type { Blake3, KernelHasher } from './kernel-interface.ts'

export const BLAKE3_BYTES = 32
export const BLAKE3_KEY_BYTES = 32

const KEYED_HASH = 16
const DERIVE_KEY_CONTEXT = 32
const DERIVE_KEY_MATERIAL = 64
const PIECE_BYTES = 1 << 18
const NODE_BYTES = 64
const OUT_BYTES_MAX = 1 << 16
/** Contexts are constants of programs; beyond this many they are derived anew each time. */
const CONTEXTS_MAX = 256

const utf8 = new TextEncoder()

export function createBlake3(instance: KernelInstance): Blake3 {
  const { run } = instance
  const stateBytes = run.blake3_hasher_size()
  const contextKeys = createContextKeys(instance)
  const hash = (key: number, flags: number, bytes: Uint8Array, out?: Uint8Array): Uint8Array => {
    const outSize = out === undefined ? BLAKE3_BYTES : out.byteLength
    assert(outSize <= OUT_BYTES_MAX, 'the output is within its limit')
    const size = bytes.byteLength
    if (size > PIECE_BYTES) return createHasher(instance, key, flags).update(bytes).digest(out)
    const input = instance.scratch(size + outSize)
    const heap = instance.bytes()
    heap.set(bytes, input)
    run.blake3(key, flags, input, size, input + size, outSize)
    return copyOut(heap, input + size, outSize, out)
  }
  const keyPlace = instance.keep(BLAKE3_KEY_BYTES)
  const withKey = <T>(key: Uint8Array, work: () => T): T => {
    assert(key.byteLength === BLAKE3_KEY_BYTES, 'a key has 32 bytes')
    instance.bytes().set(key, keyPlace)
    try {
      return work()
    } finally {
      instance.bytes().fill(0, keyPlace, keyPlace + BLAKE3_KEY_BYTES)
    }
  }
  return {
    blake3: (bytes, out) => hash(0, 0, bytes, out),
    blake3Keyed(key, bytes, out) {
      const digest = withKey(key, () => hash(keyPlace, KEYED_HASH, bytes, out))
      // The hasher of a long message carries the key in its state.
      const state = instance.scratch(stateBytes)
      instance.bytes().fill(0, state, state + stateBytes)
      return digest
    },
    blake3DeriveKey(context, ...parts) {
      const key = contextKeys(context)
      if (parts.length === 1) return hash(key, DERIVE_KEY_MATERIAL, parts[0] as Uint8Array)
      let size = 0
      for (const part of parts) size += part.byteLength
      if (size > PIECE_BYTES) return hashLong(instance, key, parts)
      const input = instance.scratch(size + BLAKE3_BYTES)
      const heap = instance.bytes()
      let at = input
      for (const part of parts) {
        heap.set(part, at)
        at += part.byteLength
      }
      run.blake3(key, DERIVE_KEY_MATERIAL, input, size, at, BLAKE3_BYTES)
      return heap.slice(at, at + BLAKE3_BYTES)
    },
    hasher(mode) {
      if (mode === undefined) return createHasher(instance, 0, 0)
      if ('context' in mode) {
        return createHasher(instance, contextKeys(mode.context), DERIVE_KEY_MATERIAL)
      }
      return withKey(mode.key, () => createHasher(instance, keyPlace, KEYED_HASH))
    },
    blake3Pages: (context, pages) => hashPages(instance, contextKeys(context), pages),
    blake3Nodes: (context, children) => hashNodes(instance, contextKeys(context), children),
  }
}

/** Into `out`, or as a copy where there is none, which is cheaper than filling a new array. */
function copyOut(heap: Uint8Array, place: number, size: number, out?: Uint8Array): Uint8Array {
  if (out === undefined) return heap.slice(place, place + size)
  out.set(heap.subarray(place, place + size))
  return out
}

/** The derived key of a context, made once, as a place in the kernel's memory. */
function createContextKeys(instance: KernelInstance): (context: string) => number {
  const places = new Map<string, number>()
  const spare = instance.keep(BLAKE3_KEY_BYTES)
  return (context) => {
    const known = places.get(context)
    if (known !== undefined) return known
    const isKept = places.size < CONTEXTS_MAX
    const place = isKept ? instance.keep(BLAKE3_KEY_BYTES) : spare
    const name = utf8.encode(context)
    const input = instance.scratch(name.byteLength)
    instance.bytes().set(name, input)
    instance.run.blake3(0, DERIVE_KEY_CONTEXT, input, name.byteLength, place, BLAKE3_KEY_BYTES)
    if (isKept) places.set(context, place)
    return place
  }
}

function hashLong(instance: KernelInstance, key: number, parts: readonly Uint8Array[]): Uint8Array {
  const hasher = createHasher(instance, key, DERIVE_KEY_MATERIAL)
  for (const part of parts) hasher.update(part)
  return hasher.digest()
}

function createHasher(instance: KernelInstance, key: number, flags: number): KernelHasher {
  const { run } = instance
  const stateBytes = run.blake3_hasher_size()
  const begin = instance.scratch(stateBytes)
  run.blake3_start(begin, key, flags)
  const state = instance.bytes().slice(begin, begin + stateBytes)
  const hasher: KernelHasher = {
    update(bytes) {
      const room = Math.min(bytes.byteLength, PIECE_BYTES)
      const place = instance.scratch(stateBytes + room)
      const heap = instance.bytes()
      const input = place + stateBytes
      heap.set(state, place)
      for (let at = 0; at < bytes.byteLength; at += PIECE_BYTES) {
        const piece = bytes.subarray(at, at + PIECE_BYTES)
        heap.set(piece, input)
        run.blake3_update(place, input, piece.byteLength)
      }
      state.set(heap.subarray(place, input))
      return hasher
    },
    digest(out) {
      const outSize = out === undefined ? BLAKE3_BYTES : out.byteLength
      assert(outSize <= OUT_BYTES_MAX, 'the output is within its limit')
      const place = instance.scratch(stateBytes + outSize)
      const heap = instance.bytes()
      heap.set(state, place)
      run.blake3_finish(place, place + stateBytes, outSize)
      return copyOut(heap, place + stateBytes, outSize, out)
    },
  }
  return hasher
}

function hashPages(
  instance: KernelInstance,
  key: number,
  pages: readonly Uint8Array[],
): Uint8Array {
  const digests = new Uint8Array(pages.length * BLAKE3_BYTES)
  const size = pages[0]?.byteLength ?? 0
  if (size === 0) return digests
  assert(isPageSize(size), 'a page has a power of two of bytes')
  const together = Math.max(4, PIECE_BYTES / size)
  for (let from = 0; from < pages.length; from += together) {
    const count = Math.min(together, pages.length - from)
    const input = instance.scratch(count * (size + BLAKE3_BYTES))
    const heap = instance.bytes()
    for (let index = 0; index < count; index++) {
      const page = pages[from + index] as Uint8Array
      assert(page.byteLength === size, 'the pages of a batch have one size')
      heap.set(page, input + index * size)
    }
    const out = input + count * size
    instance.run.blake3_many(key, DERIVE_KEY_MATERIAL, input, size, count, out)
    digests.set(heap.subarray(out, out + count * BLAKE3_BYTES), from * BLAKE3_BYTES)
  }
  return digests
}

function hashNodes(instance: KernelInstance, key: number, children: Uint8Array): Uint8Array {
  assert(children.byteLength % NODE_BYTES === 0, 'nodes come in pairs')
  const digests = new Uint8Array(children.byteLength / 2)
  for (let from = 0; from < children.byteLength; from += PIECE_BYTES) {
    const piece = children.subarray(from, from + PIECE_BYTES)
    const size = piece.byteLength
    const input = instance.scratch(size + size / 2)
    const heap = instance.bytes()
    heap.set(piece, input)
    const count = size / NODE_BYTES
    instance.run.blake3_many(key, DERIVE_KEY_MATERIAL, input, NODE_BYTES, count, input + size)
    digests.set(heap.subarray(input + size, input + size + size / 2), from / 2)
  }
  return digests
}

function isPageSize(size: number): boolean {
  return size >= 512 && size <= 65536 && (size & (size - 1)) === 0
}
