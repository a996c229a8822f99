/** PKCS#8 of an Ed25519 key (RFC 8410 §7): a fixed start of 16 bytes, then the seed.
 *  Keeps: only the form that every platform writes, version 1 without attributes, is taken; the start
 *  holds no lengths to be trusted. */

import { assert } from '../base/assert.ts'
import { fail, type Result, succeed } from '../base/failure.ts'
import { concatBytes, equalBytes } from '../bytes/compare.ts'

export const PKCS8_BYTES = 48
const START = Uint8Array.of(0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20)
const SEED_BYTES = 32

export function pkcs8FromSeed(seed: Uint8Array): Uint8Array {
  assert(seed.byteLength === SEED_BYTES, 'a seed has 32 bytes')
  return concatBytes(START, seed)
}

export function seedFromPkcs8(pkcs8: Uint8Array): Result<Uint8Array> {
  const isEd25519 =
    pkcs8.byteLength === PKCS8_BYTES && equalBytes(pkcs8.subarray(0, START.byteLength), START)
  if (isEd25519) return succeed(pkcs8.slice(START.byteLength))
  return fail({
    code: 'ErrIdentity',
    message: 'The key is not an Ed25519 key in PKCS#8.',
    hint: 'Its file was damaged or replaced; restore it, or make a new copy of the database.',
  })
}
