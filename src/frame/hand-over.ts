/** Hand-over: the frame by which an ordered shard changes its author (FORMATS §8).
 *  Keeps: it *is* the frame at the seq that it names, in the new author's epoch, after the frame whose
 *  checksum it names; its signer is the owner or the key whose hash the genesis has.
 *  Never: trusts the frame's header alone; each field is signed and must equal the header's. */

import { fail, type Result, succeed } from '../base/failure.ts'
import type { Hlc, Seq } from '../base/ids.ts'
import { equalBytes } from '../bytes/compare.ts'
import type { Signer } from '../crypto/signer.ts'
import { isWeakPublicKey, verify } from '../crypto/verify.ts'
import { controlOf, encodeControl, handOverPreimage } from './control.ts'
import { buildFrame, type Frame } from './frame.ts'
import { type Genesis, recoveryHashOf } from './genesis.ts'
import type { HandOverOperation } from './operations.ts'

export type HandOver = {
  readonly epoch: bigint
  readonly author: Uint8Array
  readonly fromSeq: Seq
  readonly prev: Uint8Array
  readonly signer: Uint8Array
  readonly frame: Frame
}

export type HandOverFields = {
  readonly shard: Uint8Array
  /** The new one. */
  readonly epoch: bigint
  /** The new author, who seals the frame. */
  readonly author: Uint8Array
  readonly fromSeq: Seq
  /** Checksum of the frame before. */
  readonly prev: Uint8Array
  readonly hlc: Hlc
  /** Owner or recovery key. */
  readonly signer: Signer
}

export async function createHandOver(fields: HandOverFields): Promise<Frame> {
  const { shard, epoch, author, fromSeq, prev, hlc } = fields
  const claims = { epoch, author, fromSeq, prev, signer: fields.signer.publicKey }
  const signature = await fields.signer.sign(handOverPreimage(shard, claims))
  const operation: HandOverOperation = { op: 'hand-over', ...claims, signature }
  return buildFrame({
    kind: 'control',
    shard,
    author,
    epoch,
    seq: fromSeq,
    prev,
    hlc,
    sections: [encodeControl(operation)],
  })
}

/** Checks one hand-over on its own; its place among the others is authority.ts's matter.  The frame's
 *  digest and checksum were recomputed before (decodeFrame, readFrameBody). */
export function verifyHandOver(genesis: Genesis, frame: Frame): Result<HandOver> {
  const control = controlOf(frame)
  if (!control.ok) return control
  const operation = control.value
  if (operation.op !== 'hand-over') return refuse(frame, 'ErrDecode', 'is not a hand-over')
  if (genesis.writers !== 'hand-overs') {
    return refuse(frame, 'ErrAuthor', 'hands over a shard whose writers are made by grants')
  }
  const { epoch, author, fromSeq, prev, signer, signature } = operation
  const isItself =
    equalBytes(frame.shard, genesis.shard) &&
    frame.epoch === epoch &&
    frame.seq === fromSeq &&
    equalBytes(frame.author, author) &&
    equalBytes(frame.prev, prev)
  if (!isItself) return refuse(frame, 'ErrAuthor', 'hands over at another place than its own')
  if (epoch < 1n || fromSeq < 2n) return refuse(frame, 'ErrAuthor', 'hands over at the genesis')
  if (!mayHandOver(genesis, signer)) {
    return refuse(frame, 'ErrAuthor', 'is signed by neither the owner nor the recovery key')
  }
  if (isWeakPublicKey(signer) || isWeakPublicKey(author)) {
    return refuse(frame, 'ErrIdentity', 'names a weak key')
  }
  if (!verify(signature, handOverPreimage(genesis.shard, operation), signer)) {
    return refuse(frame, 'ErrSignature', 'has a hand-over that its signer did not sign')
  }
  return succeed({ epoch, author, fromSeq, prev, signer, frame })
}

/** True for the owner's key and the key whose hash the genesis has. */
export function mayHandOver(genesis: Genesis, publicKey: Uint8Array): boolean {
  if (equalBytes(publicKey, genesis.owner)) return true
  const { recoveryHash } = genesis
  return recoveryHash !== undefined && equalBytes(recoveryHashOf(publicKey), recoveryHash)
}

function refuse(
  frame: Frame,
  code: 'ErrDecode' | 'ErrAuthor' | 'ErrIdentity' | 'ErrSignature',
  what: string,
): Result<never> {
  return fail({
    code,
    message: `Frame ${frame.seq} ${what}.`,
    hint: 'Only the owner of the shard can change its writer; ask another peer.',
    facts: { seq: frame.seq, epoch: frame.epoch, author: frame.author },
  })
}
