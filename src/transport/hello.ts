/** Hello and proof: how a peer says and proves who it is (FORMATS §13; table in layout.ts).
 *  Keeps: the transcript covers every byte of both hellos, both roles by them, and what the connection
 *  offers as binding; the signer puts itself first, so no proof of one side is a proof of the other.
 *  Signed: "constellite handshake v1" ‖ role u8 ‖ own key ‖ key seen ‖ own nonce ‖ nonce seen ‖
 *  H("constellite hello v1"; dialler's hello ‖ acceptor's hello) ‖ binding str16. */

import { assert } from '../base/assert.ts'
import type { Result } from '../base/failure.ts'
import { createReader, DecodeError, decoding } from '../bytes/reader.ts'
import { createWriter } from '../bytes/writer.ts'
import { hashOf } from '../crypto/hash.ts'
import { DOMAINS, domainBytes } from '../frame/layout.ts'
import { splitMessage } from './envelope.ts'
import {
  HELLO_BODY_BYTES,
  KEY_BYTES,
  MESSAGE_TYPE,
  NONCE_BYTES,
  ROLE_BYTE,
  SIGNATURE_BYTES,
  TRANSPORT_VERSION,
} from './layout.ts'
import type { PeerRole } from './transport.ts'

export type Hello = {
  readonly role: PeerRole
  readonly publicKey: Uint8Array
  readonly nonce: Uint8Array
  /** The sender's wall clock, ms since the epoch: a hint, never trusted. */
  readonly clockMs: number
}

/** A hello of a version that this code does not speak; kept apart so that the refusal can say so. */
export type HelloRead =
  | { readonly type: 'hello'; readonly hello: Hello }
  | { readonly type: 'unknown-version'; readonly version: number }

export function encodeHello(hello: Hello): Uint8Array {
  assert(hello.publicKey.byteLength === KEY_BYTES, 'a public key has 32 bytes')
  assert(hello.nonce.byteLength === NONCE_BYTES, 'a nonce has 32 bytes')
  return createWriter(HELLO_BODY_BYTES + 5)
    .u8(MESSAGE_TYPE.hello)
    .u32(HELLO_BODY_BYTES)
    .u8(TRANSPORT_VERSION)
    .u8(ROLE_BYTE[hello.role])
    .bytes(hello.publicKey)
    .bytes(hello.nonce)
    .u64(BigInt(Math.max(0, Math.floor(hello.clockMs))))
    .finish()
}

export function decodeHello(message: Uint8Array): Result<HelloRead> {
  return decoding('hello', () => {
    const { type, body } = splitMessage(message)
    if (type !== MESSAGE_TYPE.hello) throw new DecodeError(`type ${type} came before the hello`)
    const version = body.u8()
    // A later version may be longer, so its length is not judged.
    if (version !== TRANSPORT_VERSION) return { type: 'unknown-version', version }
    const role = roleOf(body.u8())
    const publicKey = body.bytes(KEY_BYTES)
    const nonce = body.bytes(NONCE_BYTES)
    const clockMs = Number(body.u64())
    body.end()
    return { type: 'hello', hello: { role, publicKey, nonce, clockMs } }
  })
}

export function encodeProof(signature: Uint8Array): Uint8Array {
  assert(signature.byteLength === SIGNATURE_BYTES, 'a signature has 64 bytes')
  return createWriter(SIGNATURE_BYTES + 5)
    .u8(MESSAGE_TYPE.proof)
    .u32(SIGNATURE_BYTES)
    .bytes(signature)
    .finish()
}

/** The signature of a proof. */
export function decodeProof(message: Uint8Array): Result<Uint8Array> {
  return decoding('proof', () => {
    const { type, body } = splitMessage(message)
    if (type !== MESSAGE_TYPE.proof) throw new DecodeError(`type ${type} came before the proof`)
    const signature = body.bytes(SIGNATURE_BYTES)
    body.end()
    return signature
  })
}

/** The bytes that the side which said `signerHello` signs. */
export function transcriptOf(facts: {
  readonly dialler: Uint8Array
  readonly acceptor: Uint8Array
  readonly signer: 'dialler' | 'acceptor'
  readonly binding: string
}): Uint8Array {
  const own = fieldsOf(facts[facts.signer])
  const seen = fieldsOf(facts[facts.signer === 'dialler' ? 'acceptor' : 'dialler'])
  return createWriter(512)
    .bytes(domainBytes(DOMAINS.handshake))
    .u8(own.role)
    .bytes(own.publicKey)
    .bytes(seen.publicKey)
    .bytes(own.nonce)
    .bytes(seen.nonce)
    .bytes(hashOf(DOMAINS.hello, facts.dialler, facts.acceptor))
    .str16(facts.binding)
    .finish()
}

function fieldsOf(hello: Uint8Array): {
  readonly role: number
  readonly publicKey: Uint8Array
  readonly nonce: Uint8Array
} {
  const reader = createReader(hello)
  reader.view(6)
  return { role: reader.u8(), publicKey: reader.view(KEY_BYTES), nonce: reader.view(NONCE_BYTES) }
}

function roleOf(byte: number): PeerRole {
  if (byte === ROLE_BYTE.writer) return 'writer'
  if (byte === ROLE_BYTE.follower) return 'follower'
  if (byte === ROLE_BYTE.relay) return 'relay'
  throw new DecodeError(`no role has the number ${byte}`)
}
