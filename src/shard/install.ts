/** Install: a whole page image replaces the pages of this copy: a snapshot of the same shard.
 *  Order: into the page file that is not in use, verified, synced; then named by a new log segment, which
 *  is the one step that makes it true (slot.ts).  Applying goes on beside the filling; what was judged
 *  before it is judged again when the snapshot takes its place.
 *  Keeps: a bad image changes nothing; what is known of the authority is never unlearned; only a
 *  hand-over at or below the head moves this copy back; a writer takes only newer state of its own. */

import { assert } from '../base/assert.ts'
import { ConstelliteError, type FailureInit, orThrow } from '../base/failure.ts'
import { type Seq, toSeq } from '../base/ids.ts'
import { equalBytes } from '../bytes/compare.ts'
import { hlcToMs } from '../clock/hlc.ts'
import { type Authority, checkRight, readAuthority, type Term, termAt } from '../frame/authority.ts'
import { encodeSeal, type Seal, verifySeal } from '../frame/seal.ts'
import { readSnapshot, type SnapshotHeader } from '../pages/snapshot.ts'
import { authorityUpTo, mergeAuthority } from './authority.ts'
import { FORK_HINT } from './halt-evidence.ts'
import { forgottenUpTo, requestsUpTo } from './requests.ts'
import type { Installed } from './shard.ts'
import { type NewPages, type Slot, switchToSlot, syncSlot, withSlot } from './slot.ts'
import { assertOpen, epochOf, halt, type ShardState } from './state.ts'

/** What a snapshot means for this copy as it stands. */
type Placing = {
  readonly authority: Authority
  readonly isRewind: boolean
  /** Up to here this copy's own history stays. */
  readonly keptSeq: Seq
}

export async function installSnapshot(
  state: ShardState,
  parts: AsyncIterable<Uint8Array>,
  onProgress: (fraction: number) => void = () => {},
): Promise<Installed> {
  return state.slotMutex.run(async () => {
    assertOpen(state)
    return withSlot(state, async (slot) => {
      const { header, pages } = await fillSlot(state, slot, { parts, onProgress })
      return state.mutex.run(() => takePlace(state, header, pages))
    })
  })
}

async function fillSlot(
  state: ShardState,
  slot: Slot,
  source: {
    readonly parts: AsyncIterable<Uint8Array>
    readonly onProgress: (fraction: number) => void
  },
): Promise<{ readonly header: SnapshotHeader; readonly pages: NewPages }> {
  let pageSize = 0
  let pageCount = 0
  const result = await readSnapshot(source.parts, {
    header(header) {
      placeOf(state, header)
      pageSize = header.pageSize
      pageCount = header.pageCount
    },
    pages(firstPgno, bytes) {
      slot.pageFile.write((firstPgno - 1) * pageSize, bytes)
      source.onProgress((firstPgno - 1 + bytes.byteLength / pageSize) / pageCount)
    },
  })
  const header = orThrow(result)
  await syncSlot(slot, header.tree)
  return { header, pages: { slot, tree: header.tree, pageSize, pageCount } }
}

async function takePlace(
  state: ShardState,
  header: SnapshotHeader,
  pages: NewPages,
): Promise<Installed> {
  assertOpen(state)
  const { seal } = header
  const { authority, isRewind, keptSeq } = placeOf(state, header)
  const head = { seq: seal.seq, checksum: seal.checksum }
  await switchToSlot(state, pages, {
    authority,
    head,
    headFrame: header.head,
    newestSeal: seal,
    installed: { position: head, root: seal.root },
    requests: requestsAfter(state, keptSeq, header),
  })
  return { isRewound: isRewind }
}

/** Without those whose frames go; of this copy's own frames that come, only the time is known. */
function requestsAfter(
  state: ShardState,
  keptSeq: Seq,
  { seal, head }: SnapshotHeader,
): ShardState['requests'] {
  const kept = requestsUpTo(state.requests, keptSeq)
  if (!equalBytes(seal.author, state.signer.publicKey)) return kept
  kept.add(forgottenUpTo(Math.floor(hlcToMs(head.hlc) / 1000)))
  return kept
}

/** What must hold before a single page is taken, and again when all are here. */
function placeOf(state: ShardState, header: SnapshotHeader): Placing {
  const { seal } = header
  if (!equalBytes(seal.shard, state.id)) {
    throw refusal('ErrShardMismatch', 'The snapshot belongs to another shard.')
  }
  const theirs = orThrow(readAuthority(header.authority, state.id))
  const merged = state.authority === undefined ? theirs : mergeAuthority(state.authority, theirs)
  orThrow(checkRight(merged, { ...seal, firstSeq: seal.seq, lastSeq: seal.seq }))
  if (!verifySeal(seal)) {
    throw refusal('ErrSignature', 'The signature of the snapshot’s seal does not verify.')
  }
  const term = termAt(merged, seal.seq)
  if (state.role === 'writer') refuseForWriter(state, seal, term)
  const isRewind = term.epoch > epochAtHead(state) && term.fromSeq <= state.head.seq
  if (!isRewind) {
    refuseFork(state, seal)
    if (seal.seq < state.head.seq) {
      throw refusal('ErrProtocol', 'The snapshot is older than this copy.')
    }
  }
  const keptSeq = isRewind ? toSeq(term.fromSeq - 1n) : state.head.seq
  return { authority: authorityUpTo(merged, seal.seq), isRewind, keptSeq }
}

/** A writer takes one of its own chain, past its head: what a restored backup lacks.  That its own frames are
 *  among those below, the caller knows from a receipt. */
function refuseForWriter(state: ShardState, seal: Seal, term: Term): void {
  const isOwn = equalBytes(seal.author, state.signer.publicKey) && term.epoch === epochOf(state)
  if (isOwn && seal.seq > state.head.seq && state.durable.seq === state.head.seq) return
  throw refusal('ErrProtocol', 'A writer takes no snapshot but a newer one of its own.')
}

function epochAtHead(state: ShardState): bigint {
  const { authority, head } = state
  return authority === undefined || head.seq === 0n
    ? epochOf(state)
    : termAt(authority, head.seq).epoch
}

/** A valid seal of another frame at a seq that is here proves a fork. */
function refuseFork(state: ShardState, seal: Seal): void {
  const { head } = state
  const own = seal.seq === head.seq ? head.checksum : state.wal.readFrame(seal.seq)?.checksum
  if (own === undefined || head.seq === 0n || equalBytes(own, seal.checksum)) return
  const ours = state.newestSeal
  assert(ours !== undefined, 'a follower holds sealed frames only')
  throw halt(
    state,
    new ConstelliteError({
      code: 'ErrForked',
      message: `Two valid frames claim position ${seal.seq}: the writer's history has forked.`,
      hint: FORK_HINT,
      facts: { seq: seal.seq, ours: encodeSeal(ours), theirs: encodeSeal(seal) },
    }),
  )
}

function refusal(code: FailureInit['code'], message: string): ConstelliteError {
  return new ConstelliteError({
    code,
    message,
    hint: 'Nothing of it was taken.  Ask another peer, or the relay’s operator.',
  })
}
