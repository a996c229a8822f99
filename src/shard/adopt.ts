/** Adopt an authority that a peer tells: the genesis, whose hash is the shard id that the address named,
 *  and the hand-overs since.  A copy that holds nothing believes it and begins at the genesis; any other
 *  learns what it means for itself and takes the frames from the chain or a snapshot.
 *  Keeps: a writer that learns of a later author halts; a contradiction halts with both hand-overs. */

import { isFailure, orThrow } from '../base/failure.ts'
import { type Authority, currentTerm, readAuthority } from '../frame/authority.ts'
import type { Frame } from '../frame/frame.ts'
import { mergeAuthority } from './authority.ts'
import type { AuthorityNews } from './shard.ts'
import { assertOpen, halt, isOwnTerm, type ShardState } from './state.ts'
import { endingHandOver, supersede } from './supersede.ts'

export function adoptAuthority(state: ShardState, frames: readonly Frame[]): AuthorityNews {
  assertOpen(state)
  const theirs = orThrow(readAuthority(frames, state.id))
  const ours = state.authority
  const merged = ours === undefined ? theirs : merge(state, ours, theirs)
  if (state.head.seq === 0n) state.authority = merged
  const { epoch } = currentTerm(merged)
  if (epoch > state.epochHeard) state.epochHeard = epoch
  if (ours === undefined || currentTerm(merged).epoch === currentTerm(ours).epoch) {
    return { type: 'none' }
  }
  const newer = merged.terms.filter((term) => term.epoch > currentTerm(ours).epoch)
  const first = newer[0]
  if (state.role === 'writer' && !isOwnTerm(state, merged)) {
    throw supersede(state, endingHandOver(state, merged))
  }
  if (first === undefined || first.fromSeq > state.head.seq) return { type: 'none' }
  return { type: 'rewind', seq: first.fromSeq }
}

function merge(state: ShardState, ours: Authority, theirs: Authority): Authority {
  try {
    return mergeAuthority(ours, theirs)
  } catch (error) {
    if (isFailure(error, 'ErrForked')) throw halt(state, error)
    throw error
  }
}
