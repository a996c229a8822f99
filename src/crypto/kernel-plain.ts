/** The kernel in plain JavaScript: @noble for hashes and signatures, tables for checksums.  For engines
 *  without WASM or its vectors.  Keeps: the results of the WASM kernel, byte for byte. */

import { blake3 } from '@noble/hashes/blake3.js'
import { assert } from '../base/assert.ts'
import { BLAKE3_BYTES, BLAKE3_KEY_BYTES } from './kernel-blake3.ts'
import type { HasherMode, Kernel, KernelHasher } from './kernel-interface.ts'
import { plainCrc32, plainCrc32c } from './kernel-plain-crc.ts'
import { plainDelta } from './kernel-plain-delta.ts'
import { plainEd25519 } from './kernel-plain-ed25519.ts'

type NobleHasher = ReturnType<typeof blake3.create>

const NODE_BYTES = 64

const utf8 = new TextEncoder()

/** `reason`: why it is not the WASM kernel. */
export function createPlainKernel(reason: string): Kernel {
  const hasherOf = createContexts()
  const deriveKey = (context: string, ...parts: readonly Uint8Array[]): Uint8Array => {
    const hasher = hasherOf(context)
    for (const part of parts) hasher.update(part)
    return hasher.digest()
  }
  const concatenated = (parts: readonly Uint8Array[], context: string): Uint8Array => {
    const digests = new Uint8Array(parts.length * BLAKE3_BYTES)
    for (const [index, part] of parts.entries()) {
      digests.set(deriveKey(context, part), index * BLAKE3_BYTES)
    }
    return digests
  }
  return {
    kind: 'plain',
    reason,
    blake3: (bytes, out) => fill(blake3.create({}).update(bytes), out),
    blake3Keyed(key, bytes, out) {
      assert(key.byteLength === BLAKE3_KEY_BYTES, 'a key has 32 bytes')
      return fill(blake3.create({ key }).update(bytes), out)
    },
    blake3DeriveKey: deriveKey,
    hasher: createHasher,
    blake3Pages: (context, pages) => concatenated(pages, context),
    blake3Nodes(context, children) {
      assert(children.byteLength % NODE_BYTES === 0, 'nodes come in pairs')
      const pairs: Uint8Array[] = []
      for (let at = 0; at < children.byteLength; at += NODE_BYTES) {
        pairs.push(children.subarray(at, at + NODE_BYTES))
      }
      return concatenated(pairs, context)
    },
    crc32: plainCrc32,
    crc32c: plainCrc32c,
    ed25519: plainEd25519,
    delta: plainDelta,
  }
}

/** Deriving a context's key costs as much as hashing 1 KiB, so hashers that have done it are cloned.
 *  Contexts are constants of programs; beyond this many they are derived anew each time. */
const CONTEXTS_MAX = 256

function createContexts(): (context: string) => NobleHasher {
  const contexts = new Map<string, NobleHasher>()
  return (context) => {
    const known = contexts.get(context)
    if (known !== undefined) return known.clone()
    const base = blake3.create({ context: utf8.encode(context) })
    if (contexts.size < CONTEXTS_MAX) contexts.set(context, base)
    return base.clone()
  }
}

function createHasher(mode?: HasherMode): KernelHasher {
  const inner: NobleHasher =
    mode === undefined
      ? blake3.create({})
      : 'context' in mode
        ? blake3.create({ context: utf8.encode(mode.context) })
        : blake3.create({ key: mode.key })
  const hasher: KernelHasher = {
    update(bytes) {
      inner.update(bytes)
      return hasher
    },
    digest: (out) => fill(inner.clone(), out),
  }
  return hasher
}

function fill(hasher: NobleHasher, out?: Uint8Array): Uint8Array {
  if (out === undefined) return hasher.digest()
  out.set(hasher.xof(out.byteLength))
  return out
}
