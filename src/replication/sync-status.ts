/** Sync status: what the lines to the relays amount to, and whether that is news.
 *  Keeps: pure; a status that differs in nothing is not told again; of one relay's problems the newest
 *  counts: why it cannot be reached before why its last session ended. */

import type { ConstelliteError } from '../base/failure.ts'
import type { Seq } from '../base/ids.ts'
import { hlcToMs } from '../clock/hlc.ts'
import type { Shard } from '../shard/shard.ts'
import type { SyncStatus } from './sync.ts'

/** One relay's connection, as the status sees it. */
export type LineView = {
  /** Newest seq that this relay says it has. */
  readonly peerSeq: Seq
  readonly isConnected: boolean
  readonly isLive: boolean
  readonly progress: number | undefined
  /** Why the newest session ended. */
  readonly failure: ConstelliteError | undefined
}

export type SyncView = {
  readonly shard: Pick<Shard, 'halted' | 'head' | 'headHlc' | 'durable' | 'received'>
  readonly role: 'writer' | 'follower'
  readonly lines: readonly LineView[]
  /** One a line, in the same order; fewer while they are being made. */
  readonly dialers: readonly { readonly failure: ConstelliteError | undefined }[]
  /** Newest seq that any relay has by its receipt. */
  readonly sharedSeq: Seq
  readonly counters: Readonly<Record<string, number>>
  readonly isStopped: boolean
}

export function statusOf(view: SyncView): SyncStatus {
  const { shard, lines, dialers } = view
  const failures = lines.map((line, index) => dialers[index]?.failure ?? line.failure)
  return {
    state: stageOf(view),
    peers: lines.filter((line) => line.isConnected).length,
    pending: pendingOf(view),
    asOf: shard.head.seq === 0n ? undefined : hlcToMs(shard.headHlc),
    progress: lines.find((line) => line.progress !== undefined)?.progress,
    counters: { ...view.counters },
    failure: shard.halted ?? failures.find((failure) => failure !== undefined),
  }
}

/** Two failures that say the same are one: each redial makes a new one. */
export function isSameStatus(one: SyncStatus, other: SyncStatus): boolean {
  const names = Object.keys(other.counters)
  return (
    one.state === other.state &&
    one.peers === other.peers &&
    one.pending === other.pending &&
    one.asOf === other.asOf &&
    one.progress === other.progress &&
    one.failure?.code === other.failure?.code &&
    one.failure?.message === other.failure?.message &&
    names.length === Object.keys(one.counters).length &&
    names.every((name) => one.counters[name] === other.counters[name])
  )
}

function stageOf({ shard, lines, isStopped }: SyncView): SyncStatus['state'] {
  if (shard.halted !== undefined) return 'halted'
  if (isStopped) return 'stopped'
  if (lines.some((line) => line.isConnected && line.isLive)) return 'live'
  return lines.some((line) => line.isConnected) ? 'catching-up' : 'connecting'
}

function pendingOf({ shard, role, sharedSeq, lines }: SyncView): number {
  if (role === 'follower') {
    const known = lines.map((line) => line.peerSeq).concat(shard.received.seq)
    const newest = known.reduce((left, right) => (left > right ? left : right))
    return Number(newest - shard.head.seq)
  }
  return Math.max(0, Number(shard.durable.seq - sharedSeq))
}
