/** Ordered apply: verified runs into the shard, strictly in order, whatever order they arrive in.
 *  Keeps: a run is decoded only under its author's right; early runs wait; swapped and repeated frames are
 *  absorbed and counted; every refusal is counted and carries its own error.
 *  Never: rewinds, or applies beside another apply. */

import { ConstelliteError, isFailure } from '../base/failure.ts'
import { decodeRun, type SealedRun } from '../frame/run.ts'
import type { Shard } from '../shard/shard.ts'
import { createInbox } from './inbox.ts'

export type ApplyCounters = {
  /** Frames that became part of this copy. */
  applied: number
  /** Frames that were here already. */
  duplicate: number
  /** Runs that had to wait for what is before them. */
  early: number
  /** Runs refused: no room, a forged author, a broken seal, a wrong checksum. */
  refused: number
}

export type OrderedApply = {
  /** Takes one encoded run.  Rejects with the failure that refused it; ErrForked, ErrDiverged and
   *  ErrSuperseded have halted the shard by then. */
  take(bytes: Uint8Array): Promise<void>
  /** Frames that wait for earlier ones. */
  readonly pending: number
  readonly counters: Readonly<ApplyCounters>
}

/** What ordered apply needs of a shard. */
export type ApplyTarget = Pick<Shard, 'applyRun' | 'mayWrite' | 'received'>

export function createOrderedApply(shard: ApplyTarget): OrderedApply {
  const inbox = createInbox()
  const counters: ApplyCounters = { applied: 0, duplicate: 0, early: 0, refused: 0 }

  const apply = async (run: SealedRun): Promise<void> => {
    const before = shard.received.seq
    try {
      const outcome = await shard.applyRun(run)
      if (outcome === 'duplicate') counters.duplicate += run.frames.length
      else counters.applied += Number(shard.received.seq - before)
    } catch (error) {
      counters.refused += 1
      throw error
    }
  }
  const decode = (bytes: Uint8Array): SealedRun => {
    const decoded = decodeRun(bytes, shard.mayWrite)
    if (decoded.ok) return decoded.value
    counters.refused += 1
    throw decoded.failure
  }
  return {
    get pending() {
      return inbox.size
    },
    counters,
    async take(bytes) {
      const run = decode(bytes)
      const offer = inbox.offer(run, shard.received)
      if (offer.type === 'forked') {
        counters.refused += 1
        throw offer.failure
      }
      if (offer.type === 'refused') {
        counters.refused += 1
        throw noRoom(run)
      }
      if (offer.type === 'repeated') counters.duplicate += run.frames.length
      if (offer.type === 'waiting') counters.early += 1
      if (offer.type === 'ready') await apply(run)
      for (let next = inbox.take(shard.received); next; next = inbox.take(shard.received)) {
        await apply(next)
      }
    },
  }
}

/** Failures after which this copy cannot go on with any peer: it halted, or it holds evidence that it
 *  checked itself.  What a peer merely says (`remote`) proves nothing and only ends the connection; and a
 *  run of a superseded author says something about the peer that sent it, not about this copy. */
export function isFatal(shard: Pick<Shard, 'halted'>, error: unknown): boolean {
  if (shard.halted !== undefined) return true
  return isFailure(error, 'ErrForked') && error.facts['remote'] === undefined
}

function noRoom(run: SealedRun): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrTooLarge',
    message: `Frame ${run.firstSeq} came too far ahead of what is here, and no room is left to wait.`,
    hint: 'It is asked for again when its turn comes.',
    retry: 'later',
    facts: { seq: run.firstSeq },
  })
}
