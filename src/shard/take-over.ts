/** Take over: makes a follower the writer, by a hand-over at its head that the owner signs and that this
 *  copy's own key seals (DESIGN §5, Signing and verifying).
 *  Keeps: it takes the way of every frame (apply.ts): logged with its seal and flushed before the role
 *  changes; its epoch is above every one that this copy has heard of, so that two hand-overs of one epoch
 *  come only from copies that knew nothing of each other.
 *  Never: keeps or logs the owner's key; the caller made the signer and wipes what it made it from. */

import { ConstelliteError } from '../base/failure.ts'
import { nextSeq } from '../base/ids.ts'
import { tickHlc } from '../clock/hlc.ts'
import type { Signer } from '../crypto/signer.ts'
import type { Genesis } from '../frame/genesis.ts'
import { createHandOver, mayHandOver } from '../frame/hand-over.ts'
import { createSeal } from '../frame/seal.ts'
import { applySealedRun } from './apply.ts'
import { assertOpen, epochOf, headHlcOf, type ShardState } from './state.ts'

/** The caller holds the mutex. */
export async function takeOver(state: ShardState, owner: Signer): Promise<void> {
  assertOpen(state)
  const { authority, head, id: shard, signer } = state
  if (state.role === 'writer') throw alreadyWriter()
  if (authority === undefined || head.seq === 0n) throw nothingHere()
  refuseOther(authority.genesis, owner.publicKey)
  const known = epochOf(state)
  const epoch = (state.epochHeard > known ? state.epochHeard : known) + 1n
  const frame = await createHandOver({
    shard,
    epoch,
    author: signer.publicKey,
    fromSeq: nextSeq(head.seq),
    prev: head.checksum,
    hlc: tickHlc(state.host.now(), headHlcOf(state)),
    signer: owner,
  })
  const { seq, checksum, prev } = frame
  const root = state.tree.root()
  const seal = await createSeal(signer, { shard, epoch, seq, checksum, root })
  // What has not wholly arrived is cut off like everything else beyond this head.
  state.partial = undefined
  await applySealedRun(state, { firstSeq: seq, prev, frames: [frame], seal })
}

function alreadyWriter(): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrRefused',
    message: 'This copy is the writer already.',
    hint: 'Call takeOver on a copy that follows.',
  })
}

function nothingHere(): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrUnavailable',
    message: 'This copy holds nothing yet, so there is nothing that it could go on from.',
    hint: 'Let it follow until `status.seq` is above 0.',
    retry: 'later',
  })
}

/** Refuses a key that may not hand the shard over. */
export function refuseOther(genesis: Genesis, key: Uint8Array): void {
  if (mayHandOver(genesis, key)) return
  throw new ConstelliteError({
    code: 'ErrIdentity',
    message: 'The key is neither the owner of this database nor its recovery key.',
    hint: 'Give the `seed` of the `identity` or `recovery` key with which it was made.',
  })
}
