/** Seal feed: new sealed runs go to the replicator, in order, and its decisions move `final`, the position
 *  up to which frames may leave this copy.
 *  Keeps: no session sends what the replicator has not accepted; runs are proposed one at a time.
 *  Never: proposes an installed image: its frames were decided where they came from. */

import { ConstelliteError } from '../base/failure.ts'
import { type Seq, toSeq } from '../base/ids.ts'
import type { Shard } from '../shard/shard.ts'
import type { Decision, Replicator } from './replicator.ts'

/** Payload of one run at most, unless one transaction is larger. */
export const RUN_PAYLOAD_BYTES_MAX = 524_288

export type SealFeed = {
  /** Newest seq that was accepted. */
  readonly final: Seq
  /** Resolves when `final` has moved; rejects when the replicator decided otherwise or could not decide,
   *  after which the run is proposed again for the next who asks. */
  next(): Promise<void>
  stop(): void
}

type Waiter = { resolve(): void; reject(reason: unknown): void }

type FedShard = Pick<Shard, 'newestSeal' | 'readRun' | 'range' | 'onSeal'>

export function createSealFeed(shard: FedShard, replicator: Replicator): SealFeed {
  // With what is sealed already the sessions begin.
  let final: Seq = shard.newestSeal?.seq ?? toSeq(0)
  let waiters: Waiter[] = []
  let isProposing = false
  let isStopped = false
  const settle = (finish: (waiter: Waiter) => void): void => {
    const waiting = waiters
    waiters = []
    for (const waiter of waiting) finish(waiter)
  }
  const isBehind = (): boolean => !isStopped && final < (shard.newestSeal?.seq ?? 0n)
  const proposeAll = async (): Promise<void> => {
    if (isProposing) return
    isProposing = true
    try {
      while (isBehind()) {
        final = await proposeNext(shard, replicator, final)
        settle((waiter) => waiter.resolve())
      }
    } catch (error) {
      settle((waiter) => waiter.reject(error))
    } finally {
      isProposing = false
    }
  }
  // It never rejects: what goes wrong reaches whoever waits.
  const unsubscribe = shard.onSeal(() => void proposeAll())
  return {
    get final() {
      return final
    },
    next: () =>
      new Promise((resolve, reject) => {
        waiters.push({ resolve, reject })
        if (isBehind()) void proposeAll()
      }),
    stop() {
      isStopped = true
      unsubscribe()
      settle((waiter) => waiter.resolve())
    },
  }
}

/** Answers the new final position. */
async function proposeNext(shard: FedShard, replicator: Replicator, final: Seq): Promise<Seq> {
  const first = shard.range()?.first
  const newest = shard.newestSeal?.seq ?? final
  if (first === undefined || first > newest) return newest
  if (first > final + 1n) return toSeq(first - 1n)
  const run = shard.readRun(toSeq(final + 1n), RUN_PAYLOAD_BYTES_MAX)
  if (run === undefined) throw undecided(final, 'the log has no sealed run there')
  const decision = await replicator.propose(run)
  if (decision.type !== 'accept') throw undecided(final, reasonOf(decision))
  return decision.position.seq
}

function reasonOf(decision: Exclude<Decision, { type: 'accept' }>): string {
  return decision.type === 'reject' ? decision.reason : 'no decision came in time'
}

function undecided(final: Seq, reason: string): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrUnavailable',
    message: `The frames after ${final} are not final: ${reason}.`,
    hint: 'They are durable here and are proposed again.',
    retry: 'later',
    facts: { seq: final },
  })
}
