/** Adopt the authority of a shard of which this copy holds nothing yet: the genesis, whose hash is the
 *  shard id that the address named, and the hand-overs since.  Applying begins at the genesis itself. */

import { orThrow } from '../base/failure.ts'
import { readAuthority } from '../frame/authority.ts'
import type { Frame } from '../frame/frame.ts'
import { assertOpen, type ShardState } from './state.ts'

export function adoptAuthority(state: ShardState, frames: readonly Frame[]): void {
  assertOpen(state)
  const authority = orThrow(readAuthority(frames, state.id))
  // Later hand-overs arrive in the chain itself; the frames enter it with their runs or a snapshot.
  if (state.head.seq === 0n) state.authority = authority
}
