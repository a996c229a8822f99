/** Start a sync: one dialler a relay, one session a connection, one status for all of them.
 *  Keeps: a halted shard ends every session; sealed runs pass the replicator before any session sends
 *  them; receipts count once per distinct authenticated key.
 *  Never: keeps a process alive, or lets one relay's trouble stop another. */

import { ConstelliteError } from '../base/failure.ts'
import type { Host } from '../base/host.ts'
import { toSeq } from '../base/ids.ts'
import { formatHex } from '../bytes/text.ts'
import { hlcToMs } from '../clock/hlc.ts'
import type { Signer } from '../crypto/signer.ts'
import type { Shard } from '../shard/shard.ts'
import { type Dialer, dial } from '../transport/dial.ts'
import type { Peer, Transport } from '../transport/transport.ts'
import { followPeer } from './follower.ts'
import { createLocalReplicator } from './local.ts'
import { type PublishHooks, publishToPeer, RUN_PAYLOAD_BYTES_MAX } from './publisher.ts'
import type { SessionContext } from './session.ts'
import { createSharedLedger } from './shared.ts'
import type { Sync, SyncState, SyncStatus } from './sync.ts'

export const TRANSPORTS_MAX = 8

export type SyncOptions = {
  readonly host: Host
  readonly shard: Shard
  readonly role: 'writer' | 'follower'
  /** At least one, at most TRANSPORTS_MAX. */
  readonly transports: readonly Transport[]
  /** Proves this copy to peers: its author key. */
  readonly signer: Signer
  /** Runs what changes pages under SQLite beside no open write transaction. */
  readonly exclusively: PublishHooks['exclusively']
}

type Line = { isConnected: boolean; isLive: boolean; progress: number | undefined }

export function startSync(options: SyncOptions): Sync {
  const { host, shard, role } = options
  const listeners = new Set<(status: SyncStatus) => void>()
  const counters: Record<string, number> = {}
  const shared = createSharedLedger()
  const lines = options.transports.map(
    (): Line => ({
      isConnected: false,
      isLive: false,
      progress: undefined,
    }),
  )
  const dialers: Dialer[] = []
  let isStopped = false

  const status = (): SyncStatus => ({
    state: stateOf(shard, lines, isStopped),
    peers: lines.filter((line) => line.isConnected).length,
    pending: pendingOf(options, shared.newest()),
    asOf: shard.head.seq === 0n ? undefined : hlcToMs(shard.headHlc),
    progress: lines.find((line) => line.progress !== undefined)?.progress,
    counters: { ...counters },
    failure: shard.halted ?? dialers.find((dialer) => dialer.failure !== undefined)?.failure,
  })
  const changed = (): void => {
    const now = status()
    for (const listener of listeners) listener(now)
  }
  const context = (peer: Peer, line: Line): SessionContext => ({
    host,
    shard,
    peer,
    count(name, by = 1) {
      if (by !== 0) counters[name] = (counters[name] ?? 0) + by
    },
    onShared(holder, position) {
      shared.note(formatHex(holder), position)
      changed()
    },
    onProgress(fraction) {
      line.progress = fraction
      changed()
    },
    onLive(isLive) {
      if (line.isLive === isLive) return
      line.isLive = isLive
      changed()
    },
  })
  const feed = role === 'writer' ? createSealFeed(shard) : undefined
  const unsubscribe = [shard.onAdvance(changed), shard.onHalt(changed)]

  const session = async (peer: Peer, index: number): Promise<'redial' | 'stop'> => {
    const line = lines[index] as Line
    const holder = holderName(options.transports[index] as Transport)
    line.isConnected = true
    changed()
    try {
      if (feed === undefined) return await followPeer(context(peer, line))
      return await publishToPeer(context(peer, line), {
        exclusively: options.exclusively,
        nextSeal: feed.next,
        holder,
      })
    } finally {
      line.isConnected = false
      changed()
    }
  }
  for (const [index, transport] of options.transports.entries()) {
    if (role === 'writer') holdFor(shard, holderName(transport))
    const onState = (): void => {
      if (dialers.length === options.transports.length) changed()
    }
    dialers.push(
      dial({
        transport,
        host,
        signer: options.signer,
        role,
        session: (peer) => session(peer, index),
        onState,
      }),
    )
  }
  return {
    get status() {
      return status()
    },
    onStatus(listener) {
      listeners.add(listener)
      return () => {
        listeners.delete(listener)
      }
    },
    untilShared(position, holders, signal) {
      return shared.until(position, holders, signal)
    },
    async stop() {
      if (isStopped) return
      isStopped = true
      for (const stop of unsubscribe) stop()
      await Promise.all(dialers.map((dialer) => dialer.stop()))
      feed?.stop()
      shared.close(stopped())
      changed()
    },
  }
}

/** The log keeps what a relay has not acknowledged, from where it last did. */
function holdFor(shard: Shard, holder: string): void {
  const range = shard.range()
  const from = range === undefined ? shard.head.seq : range.first - 1n
  shard.hold(holder, toSeq(from))
}

function holderName(transport: Transport): string {
  return `relay ${transport.url}`
}

/** New sealed runs, proposed to the replicator in order; whoever waits is woken by its decision. */
function createSealFeed(shard: Shard): { next(): Promise<void>; stop(): void } {
  const replicator = createLocalReplicator()
  let wake: (() => void)[] = []
  let proposed = shard.newestSeal?.seq ?? 0n
  const propose = async (): Promise<void> => {
    for (;;) {
      const run = shard.readRun(toSeq(proposed + 1n), RUN_PAYLOAD_BYTES_MAX)
      if (run === undefined) break
      proposed = run.seal.seq
      await replicator.propose(run)
    }
    // A seal that the log cannot serve (an import) still is news: a snapshot is due.
    wakeAll()
  }
  const wakeAll = (): void => {
    const waiting = wake
    wake = []
    for (const resolve of waiting) resolve()
  }
  const unsubscribe = [
    replicator.subscribe(wakeAll),
    shard.onSeal(() => {
      // Only a closed replicator rejects, and then nobody waits any more.
      propose().catch(() => undefined)
    }),
  ]
  return {
    next: () => new Promise((resolve) => wake.push(resolve)),
    stop() {
      for (const stop of unsubscribe) stop()
      // Closing the local driver only drops its subscribers.
      replicator.close().catch(() => undefined)
      wakeAll()
    },
  }
}

function stateOf(shard: Shard, lines: readonly Line[], isStopped: boolean): SyncState {
  if (shard.halted !== undefined) return 'halted'
  if (isStopped) return 'stopped'
  if (lines.some((line) => line.isConnected && line.isLive)) return 'live'
  return lines.some((line) => line.isConnected) ? 'catching-up' : 'connecting'
}

function pendingOf(options: SyncOptions, acknowledged: bigint): number {
  const { shard, role } = options
  if (role === 'follower') return Number(shard.received.seq - shard.head.seq)
  return Math.max(0, Number(shard.durable.seq - acknowledged))
}

function stopped(): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrClosed',
    message: 'The database was closed before the write was shared.',
    hint: 'It is durable here and is sent when the database is open again.',
    retry: 'later',
  })
}
