/** Ed25519 in the kernel under one rule, ZIP-215 cofactored; see wasm/src/ed25519.
 *  Keeps: a single verification, one by a known key's table, and a batch give one answer; random
 *  coefficients are new for every batch; seeds are overwritten in the kernel's memory.
 *  Signing here is for platforms without Ed25519 of their own; its limits are in wasm/README.md. */

import { assert } from '../base/assert.ts'
import { findBad } from './kernel-batch.ts'
import type { KernelInstance } from './kernel-instance.ts'
import type { Ed25519, RandomBytes } from './kernel-interface.ts'
import { createKnownKeys } from './kernel-known-keys.ts'

export const PUBLIC_KEY_BYTES = 32
export const SIGNATURE_BYTES = 64
export const SEED_BYTES = 32

/** Signed preimages are short; the kernel's memory grows to hold a message. */
const MESSAGE_BYTES_MAX = 1 << 26
/** A longer one is asked alone: a batch holds many. */
const BATCHED_BYTES_MAX = 1 << 20

export function createEd25519(instance: KernelInstance, random: RandomBytes): Ed25519 {
  const { run } = instance
  let made = 0
  /** Tables of the base point, made at the first use: they take 280 KB and milliseconds. */
  const tables = (): number => {
    if (made === 0) {
      made = instance.keep(run.ed25519_tables_size())
      run.ed25519_prepare(made)
    }
    return made
  }
  const knownKeys = createKnownKeys(instance)
  const verify: Ed25519['verify'] = (signature, message, publicKey) => {
    if (!isWellFormed(signature, publicKey)) return false
    const size = message.byteLength
    assert(size <= MESSAGE_BYTES_MAX, 'a message is within its limit')
    const base = tables()
    const known = knownKeys.tableOf(publicKey)
    const place = instance.scratch(SIGNATURE_BYTES + PUBLIC_KEY_BYTES + size)
    const heap = instance.bytes()
    const key = place + SIGNATURE_BYTES
    const text = key + PUBLIC_KEY_BYTES
    heap.set(signature, place)
    heap.set(publicKey, key)
    heap.set(message, text)
    if (known !== 0) return run.ed25519_verify_known(base, known, place, key, text, size) === 1
    const isValid = run.ed25519_verify(base, place, key, text, size) === 1
    if (isValid) knownKeys.noteValid(publicKey)
    return isValid
  }
  return {
    publicKey(seed) {
      const base = tables()
      return withSeed(instance, { seed, outBytes: PUBLIC_KEY_BYTES }, (place, out) =>
        run.ed25519_public_key(base, place, out),
      )
    },
    sign(message, seed) {
      const size = message.byteLength
      assert(size <= MESSAGE_BYTES_MAX, 'a message is within its limit')
      const base = tables()
      return withSeed(
        instance,
        { seed, outBytes: SIGNATURE_BYTES, extraBytes: size },
        (place, out, extra) => {
          instance.bytes().set(message, extra)
          run.ed25519_sign(base, place, extra, size, out)
        },
      )
    },
    verify,
    verifyBatch: (items) =>
      findBad(items, {
        instance,
        random,
        tables,
        verify,
        isFit: ({ signature, message, publicKey }) =>
          isWellFormed(signature, publicKey) && message.byteLength <= BATCHED_BYTES_MAX,
      }),
    isWeakPublicKey(publicKey) {
      if (publicKey.byteLength !== PUBLIC_KEY_BYTES) return true
      const place = instance.scratch(PUBLIC_KEY_BYTES)
      instance.bytes().set(publicKey, place)
      return run.ed25519_is_weak(place) === 1
    },
  }
}

function isWellFormed(signature: Uint8Array, publicKey: Uint8Array): boolean {
  return signature.byteLength === SIGNATURE_BYTES && publicKey.byteLength === PUBLIC_KEY_BYTES
}

type SeedCall = {
  readonly seed: Uint8Array
  readonly outBytes: number
  readonly extraBytes?: number
}

/** Puts the seed into the kernel for one call, with room for `outBytes`, which come back as a copy, and
 *  behind them for what else the call needs. */
function withSeed(
  instance: KernelInstance,
  { seed, outBytes, extraBytes = 0 }: SeedCall,
  work: (place: number, out: number, extra: number) => void,
): Uint8Array {
  assert(seed.byteLength === SEED_BYTES, 'a seed has 32 bytes')
  const place = instance.scratch(SEED_BYTES + outBytes + extraBytes)
  const out = place + SEED_BYTES
  instance.bytes().set(seed, place)
  try {
    work(place, out, out + outBytes)
    return instance.bytes().slice(out, out + outBytes)
  } finally {
    instance.bytes().fill(0, place, out)
  }
}
