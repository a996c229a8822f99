/** The kernel in plain JavaScript: @noble for hashes and signatures, tables for checksums.  For engines
 *  without WASM or its vectors.  Keeps: the results of the WASM kernel, byte for byte. */

import { blake3 } from '@noble/hashes/blake3.js'
import { assert } from '../base/assert.ts'
import { crc32c } from './crc32c.ts'
import { BLAKE3_BYTES, BLAKE3_KEY_BYTES } from './kernel-blake3.ts'
import type { HasherMode, Kernel, KernelHasher } from './kernel-interface.ts'
import { plainDelta } from './kernel-plain-delta.ts'
import { plainEd25519 } from './kernel-plain-ed25519.ts'

type NobleHasher = ReturnType<typeof blake3.create>

const NODE_BYTES = 64

const utf8 = new TextEncoder()

/** `reason`: why it is not the WASM kernel. */
export function createPlainKernel(reason: string): Kernel {
  const deriveKey = (context: string, ...parts: readonly Uint8Array[]): Uint8Array => {
    const hasher = blake3.create({ context: utf8.encode(context) })
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
    crc32c,
    ed25519: plainEd25519,
    delta: plainDelta,
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

/** One bit at a time: nothing in the package needs this checksum where the kernel does not run. */
function plainCrc32(bytes: Uint8Array, seed = 0): number {
  let crc = ~seed
  for (const byte of bytes) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (0xedb88320 & -(crc & 1))
  }
  return ~crc >>> 0
}
