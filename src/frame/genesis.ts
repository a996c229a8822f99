/** Genesis: the first frame of a shard; the shard id is made from its checksum (FORMATS §8).
 *  Keeps: whoever knows the shard id needs no signature to believe the genesis, since the id commits
 *  to name, mode, owner and first author; the author's first seal signs it like any frame.
 *  Never: accepts a weak key, or a mode and a way of making writers that do not belong together. */

import { fail, orThrow, type Result, succeed } from '../base/failure.ts'
import type { Hlc, Seq } from '../base/ids.ts'
import { equalBytes, isZero } from '../bytes/compare.ts'
import { hashOf } from '../crypto/hash.ts'
import { isWeakPublicKey } from '../crypto/verify.ts'
import { controlOf, encodeControl } from './control.ts'
import { buildFrame, type Frame, shardIdOf } from './frame.ts'
import { CHECKSUM_BYTES, DOMAINS } from './layout.ts'
import type { GenesisOperation } from './operations.ts'
import type { Roster } from './roster.ts'
import type { Seal } from './seal.ts'

export type Genesis = Omit<GenesisOperation, 'op'> & {
  readonly shard: Uint8Array
  /** Writes in epoch 0. */
  readonly author: Uint8Array
  readonly frame: Frame
}

export type GenesisFields = {
  readonly name: string
  readonly mode: 'ordered' | 'causal'
  readonly owner: Uint8Array
  /** Public key whose hash goes into the genesis. */
  readonly recovery?: Uint8Array | undefined
  readonly roster?: Roster | undefined
  readonly decider?: Uint8Array | undefined
  readonly author: Uint8Array
  readonly hlc: Hlc
  /** 16 random bytes, so that two shards of one owner and name differ. */
  readonly random: Uint8Array
}

export const GENESIS_SEQ: Seq = 1n as Seq
const NOTHING_BEFORE = new Uint8Array(CHECKSUM_BYTES)

/** Throws ErrIdentity when a key is weak. */
export function createGenesis(fields: GenesisFields): Genesis {
  const { name, mode, owner, recovery, author, hlc, random } = fields
  const operation: GenesisOperation = {
    op: 'genesis',
    name,
    mode,
    owner,
    recoveryHash: recovery === undefined ? undefined : recoveryHashOf(recovery),
    writers: writersOf(mode),
    roster: fields.roster,
    decider: fields.decider,
    random,
  }
  const frame = buildFrame({
    kind: 'control',
    shard: NOTHING_BEFORE,
    author,
    epoch: 0n,
    seq: GENESIS_SEQ,
    prev: NOTHING_BEFORE,
    hlc,
    sections: [encodeControl(operation)],
  })
  if (recovery !== undefined && isWeakPublicKey(recovery)) orThrow(weakKey('recovery'))
  return orThrow(readGenesis(frame))
}

/** Reads a frame whose digest and checksum were recomputed (decodeFrame, readFrameBody). */
export function readGenesis(frame: Frame): Result<Genesis> {
  const control = controlOf(frame)
  if (!control.ok) return control
  if (control.value.op !== 'genesis' || !isZero(frame.shard)) {
    return fail({
      code: 'ErrDecode',
      message: 'The first frame of the shard is not a genesis.',
      hint: 'Ask another peer; the shard id of an address says which genesis is meant.',
      facts: { seq: frame.seq, op: control.value.op },
    })
  }
  const { op: _, ...operation } = control.value
  if (operation.writers !== writersOf(operation.mode)) {
    return fail({
      code: 'ErrDecode',
      message: `A shard in ${operation.mode} mode cannot have writers by ${operation.writers}.`,
      hint: 'It was not made by this package; check the address, and who gave it.',
      facts: { mode: operation.mode, writers: operation.writers },
    })
  }
  if (isWeakPublicKey(operation.owner)) return weakKey('owner')
  if (isWeakPublicKey(frame.author)) return weakKey('author')
  const shard = shardIdOf(frame.checksum)
  return succeed({ ...operation, shard, author: frame.author, frame })
}

/** True when this seal is about the genesis itself: its author's first. */
export function isGenesisSeal(genesis: Genesis, seal: Seal): boolean {
  return (
    seal.seq === GENESIS_SEQ &&
    seal.epoch === 0n &&
    equalBytes(seal.shard, genesis.shard) &&
    equalBytes(seal.author, genesis.author) &&
    equalBytes(seal.checksum, genesis.frame.checksum)
  )
}

/** What a genesis keeps of a recovery key. */
export function recoveryHashOf(publicKey: Uint8Array): Uint8Array {
  return hashOf(DOMAINS.recovery, publicKey)
}

function writersOf(mode: Genesis['mode']): Genesis['writers'] {
  return mode === 'ordered' ? 'hand-overs' : 'grants'
}

function weakKey(role: string): Result<never> {
  return fail({
    code: 'ErrIdentity',
    message: `The ${role} key is no usable Ed25519 public key.`,
    hint: 'It is of small order or not canonically encoded; make one with createIdentity().',
    facts: { role },
  })
}
