/** Supersede: a writer that learns of a hand-over to another copy stops for good, keeps what it wrote beyond
 *  it in a file, and may follow from then on.
 *  Keeps: the halt comes at once, and survives a restart; the file is written beside it.  The halt is stale
 *  once the chain here has come to that hand-over or a later one.
 *  Never: gives up frames before the file that its failure names is whole (kept.ts). */

import { ConstelliteError } from '../base/failure.ts'
import { type Authority, currentTerm } from '../frame/authority.ts'
import type { Frame } from '../frame/frame.ts'
import { supersededHint } from './halt-evidence.ts'
import { keepBeyond, keptFileName } from './kept.ts'
import { halt, isOwnTerm, type ShardState } from './state.ts'

/** Halts, and answers the failure to throw. */
export function supersede(state: ShardState, handOver: Frame): ConstelliteError {
  if (state.halted !== undefined) return state.halted
  const { seq, epoch, author } = handOver
  const file = keptFileName(state, { seq, epoch })
  const failure = halt(
    state,
    new ConstelliteError({
      code: 'ErrSuperseded',
      message: `The shard was handed over to another writer at ${seq}.`,
      hint: supersededHint(file),
      facts: { seq, epoch, author, ...(file === undefined ? {} : { file }) },
    }),
  )
  state.keeping = keepBeyond(state, failure)
  // The log has those frames still; the next opening tries again, and says what is wrong.
  state.keeping.catch(() => undefined)
  return failure
}

/** How a recovered copy stands: what its chain and its log say, and whether it is to follow. */
export function standingOf(
  recovered: Pick<ShardState, 'authority' | 'halted'>,
  { signer, isToFollow }: Pick<ShardState, 'signer'> & { readonly isToFollow: boolean },
): Pick<ShardState, 'role' | 'halted' | 'superseded' | 'epochHeard'> {
  const { authority, halted } = recovered
  const epoch = authority === undefined ? 0n : currentTerm(authority).epoch
  const isOwn = authority !== undefined && isOwnTerm({ signer }, authority)
  const endedBy = endOf(halted)
  const standing = {
    role: isOwn ? ('writer' as const) : ('follower' as const),
    superseded: undefined,
    epochHeard: endedBy ?? 0n,
  }
  if (endedBy === undefined) return { ...standing, halted }
  if (endedBy <= epoch) return { ...standing, halted: undefined }
  if (!isToFollow) return { ...standing, halted }
  return { ...standing, role: 'follower', halted: undefined, superseded: halted }
}

function endOf(halted: ConstelliteError | undefined): bigint | undefined {
  const epoch = halted?.code === 'ErrSuperseded' ? halted.facts['epoch'] : undefined
  return typeof epoch === 'bigint' ? epoch : undefined
}

/** The hand-over among `authority` that ended this copy's term first. */
export function endingHandOver(state: ShardState, authority: Authority): Frame {
  const known = state.authority === undefined ? 0n : currentTerm(state.authority).epoch
  const newer = authority.terms.find((term) => term.epoch > known)
  return (newer ?? currentTerm(authority)).frame
}
