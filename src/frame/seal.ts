/** Seal: the author's signature over its newest flushed head and the state root after it (FORMATS §5).
 *  Keeps: the signature covers every other field; through the chain it covers every frame of that
 *  author up to `seq`.  Never: says whether the author had the right; see authority.ts.
 *  Layout: table in layout.ts. */

import { assert } from '../base/assert.ts'
import type { Result } from '../base/failure.ts'
import { createReader, DecodeError, decoding, type Reader } from '../bytes/reader.ts'
import { createWriter, type Writer } from '../bytes/writer.ts'
import type { Signer } from '../crypto/signer.ts'
import { verify, verifyBatch } from '../crypto/verify.ts'
import { type HeadFields, readHeadFields, writeHeadFields } from './head-fields.ts'
import {
  CHECKSUM_BYTES,
  DOMAINS,
  domainBytes,
  SEAL_BYTES,
  SIGNATURE_BYTES,
  SUITE,
} from './layout.ts'

export type Seal = HeadFields & {
  /** 32 zero bytes when the frame has flag `continues`. */
  readonly root: Uint8Array
  readonly signature: Uint8Array
}

export type SealFields = Omit<Seal, 'signature'>

/** The exact bytes that are signed. */
export function sealPreimage(fields: SealFields): Uint8Array {
  const writer = createWriter(SEAL_BYTES).bytes(domainBytes(DOMAINS.seal))
  writeFields(writer, fields)
  return writer.finish()
}

/** Signs as `signer`, who is the author. */
export async function createSeal(
  signer: Signer,
  fields: Omit<SealFields, 'author'>,
): Promise<Seal> {
  const { shard, epoch, seq, checksum, root } = fields
  const named = { shard, author: signer.publicKey, epoch, seq, checksum, root }
  return { ...named, signature: await signer.sign(sealPreimage(named)) }
}

export function verifySeal(seal: Seal): boolean {
  return verify(seal.signature, sealPreimage(seal), seal.author)
}

/** Index of the first seal that does not verify; undefined when all do. */
export function findForgedSeal(seals: readonly Seal[]): number | undefined {
  const items = seals.map((seal) => ({
    signature: seal.signature,
    message: sealPreimage(seal),
    publicKey: seal.author,
  }))
  return verifyBatch(items).bad[0]
}

export function encodeSeal(seal: Seal): Uint8Array {
  const writer = createWriter(SEAL_BYTES)
  writeSeal(writer, seal)
  return writer.finish()
}

/** Checks the form only; `verifySeal` checks the signature. */
export function decodeSeal(bytes: Uint8Array): Result<Seal> {
  return decoding('seal', () => {
    const reader = createReader(bytes)
    const seal = readSeal(reader)
    reader.end()
    return seal
  })
}

export function writeSeal(writer: Writer, seal: Seal): void {
  const start = writer.size
  writeFields(writer, seal)
  writer.bytes(seal.signature)
  assert(writer.size - start === SEAL_BYTES, 'a seal has its fixed size')
}

/** Throws `DecodeError`. */
export function readSeal(reader: Reader): Seal {
  const fields: SealFields = {
    ...readHeadFields(reader),
    root: reader.bytes(CHECKSUM_BYTES),
  }
  const suite = reader.u8()
  if (suite !== SUITE) throw new DecodeError(`suite ${suite} is unknown`)
  return { ...fields, signature: reader.bytes(SIGNATURE_BYTES) }
}

function writeFields(writer: Writer, fields: SealFields): void {
  writeHeadFields(writer, fields).bytes(fields.root).u8(SUITE)
}
