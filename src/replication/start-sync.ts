/** Start a sync: one dialler a relay, one session a connection, one status for all of them.
 *  Keeps: a halted shard ends every session; sealed runs pass the replicator before any session sends
 *  them; receipts count once per distinct authenticated key.
 *  Never: keeps a process alive, or lets one relay's trouble stop another. */

import { ConstelliteError, failureOf, isFailure } from '../base/failure.ts'
import type { Host } from '../base/host.ts'
import { toSeq } from '../base/ids.ts'
import { formatHex } from '../bytes/text.ts'
import type { Signer } from '../crypto/signer.ts'
import type { Shard } from '../shard/shard.ts'
import { type Dialer, dial } from '../transport/dial.ts'
import type { Peer, Transport } from '../transport/transport.ts'
import { followPeer } from './follower.ts'
import { createLocalReplicator } from './local.ts'
import type { PublishHooks, PublishLine } from './publish-state.ts'
import { publishToPeer } from './publisher.ts'
import type { Replicator } from './replicator.ts'
import { createSealFeed, type SealFeed } from './seal-feed.ts'
import type { SessionContext } from './session.ts'
import { createSharedLedger, type SharedLedger } from './shared.ts'
import type { Sync, SyncStatus } from './sync.ts'
import { isSameStatus, type LineView, statusOf } from './sync-status.ts'

export type SyncOptions = {
  readonly host: Host
  readonly shard: Shard
  readonly role: 'writer' | 'follower'
  /** At least one; the options of a database say how many at most. */
  readonly transports: readonly Transport[]
  /** Decides what is final, for a writer.  Default: the local one. */
  readonly replicator?: Replicator
  /** Proves this copy to peers: its author key. */
  readonly signer: Signer
  /** Runs what changes pages under SQLite beside no open write transaction. */
  readonly exclusively: PublishHooks['exclusively']
}

/** One relay's connection; `failure` stays until a session with this relay goes well. */
type Line = { -readonly [Name in keyof LineView]: LineView[Name] } & {
  readonly transport: Transport
  readonly publish: PublishLine
  /** It was asked for the head of this copy's chain, or could not be. */
  isAsked: boolean
}

type SyncState = SyncOptions & {
  readonly lines: readonly Line[]
  readonly dialers: Dialer[]
  readonly shared: SharedLedger
  readonly counters: Record<string, number>
  readonly listeners: Set<(status: SyncStatus) => void>
  readonly feed: SealFeed | undefined
  /** What listeners were told last. */
  told: SyncStatus | undefined
  isStopped: boolean
  readonly asked: Asked
}

type Asked = { readonly promise: Promise<void>; readonly settle: () => void }

export function startSync(options: SyncOptions): Sync {
  const { shard, role } = options
  const state: SyncState = {
    ...options,
    lines: options.transports.map((transport) => ({
      transport,
      publish: { holder: holderName(transport), bytesSinceSnapshot: 0, pausedUntilMs: 0 },
      peerSeq: toSeq(0),
      isConnected: false,
      isLive: false,
      progress: undefined,
      failure: undefined,
      isAsked: false,
    })),
    asked: createAsked(),
    dialers: [],
    shared: createSharedLedger(),
    counters: {},
    listeners: new Set(),
    feed:
      role === 'writer'
        ? createSealFeed(shard, options.replicator ?? createLocalReplicator())
        : undefined,
    told: undefined,
    isStopped: false,
  }
  const onChange = (): void => changed(state)
  const unsubscribe = [shard.onAdvance(onChange), shard.onHalt(() => endAll(state))]
  if (shard.halted === undefined) {
    if (role === 'writer') holdForRelays(state)
    for (const line of state.lines) state.dialers.push(dialLine(state, line))
  } else {
    state.asked.settle()
    // Whoever subscribes to this sync was not there when it halted.
    state.host.defer(onChange)
  }
  return {
    get status() {
      return currentStatus(state)
    },
    get anchored() {
      return state.shared.anchored()
    },
    asked: state.asked.promise,
    onStatus(listener) {
      state.listeners.add(listener)
      // It has not heard what others were told.
      state.told = undefined
      return () => {
        state.listeners.delete(listener)
      }
    },
    untilShared: (position, holders, signal) => state.shared.until(position, holders, signal),
    async stop() {
      if (state.isStopped) return
      state.isStopped = true
      for (const stop of unsubscribe) stop()
      await Promise.all(state.dialers.map((dialer) => dialer.stop()))
      state.feed?.stop()
      state.shared.close(stopped())
      state.asked.settle()
      changed(state)
    },
  }
}

function dialLine(state: SyncState, line: Line): Dialer {
  const { host, signer, role } = state
  return dial({
    transport: line.transport,
    host,
    signer,
    role,
    session: (peer) => runSession(state, line, peer),
    // The dialler is at work before it can be listed.
    onState: (stage) => {
      if (stage === 'waiting' || stage === 'stopped') noteAsked(state, line)
      changed(state)
    },
  })
}

function createAsked(): Asked {
  let settle: () => void = () => undefined
  const promise = new Promise<void>((resolve) => {
    settle = resolve
  })
  return { promise, settle }
}

function noteAsked(state: SyncState, line: Line): void {
  line.isAsked = true
  if (state.lines.every(({ isAsked }) => isAsked)) state.asked.settle()
}

async function runSession(state: SyncState, line: Line, peer: Peer): Promise<'redial' | 'stop'> {
  const context = contextOf(state, line, peer)
  line.isConnected = true
  changed(state)
  try {
    if (state.feed === undefined) return await followPeer(context)
    return await publishToPeer(context, {
      exclusively: state.exclusively,
      feed: state.feed,
      line: line.publish,
    })
  } catch (error) {
    if (!state.isStopped) line.failure = failureOf(error)
    throw error
  } finally {
    line.isConnected = false
    changed(state)
  }
}

function contextOf(state: SyncState, line: Line, peer: Peer): SessionContext {
  const { host, shard, counters, shared } = state
  return {
    host,
    shard,
    peer,
    count(name, by = 1) {
      if (by !== 0) counters[name] = (counters[name] ?? 0) + by
    },
    onShared(holder, position) {
      shared.note(formatHex(holder), position)
      changed(state)
    },
    sharedSeq: (holder) => shared.of(formatHex(holder)),
    onPeerHead(seq) {
      if (seq <= line.peerSeq) return
      line.peerSeq = seq
      changed(state)
    },
    onUnknown(isUnknown) {
      if (isUnknown) line.failure = unknownShard(line.transport)
      else if (isFailure(line.failure, 'ErrUnavailable')) line.failure = undefined
      changed(state)
    },
    onCompared: () => noteAsked(state, line),
    onProgress(fraction) {
      line.progress = fraction
      changed(state)
    },
    onLive(isLive) {
      if (line.isLive === isLive) return
      line.isLive = isLive
      if (isLive) line.failure = undefined
      changed(state)
    },
  }
}

function changed(state: SyncState): void {
  if (state.listeners.size === 0) return
  const now = currentStatus(state)
  if (state.told !== undefined && isSameStatus(state.told, now)) return
  state.told = now
  for (const listener of state.listeners) listener(now)
}

function currentStatus(state: SyncState): SyncStatus {
  return statusOf({ ...state, sharedSeq: state.shared.newest() })
}

/** The log keeps what a relay has not acknowledged, from where it last did; relays that are configured no
 *  longer keep nothing. */
function holdForRelays({ shard, lines }: SyncState): void {
  const names = lines.map(({ publish }) => publish.holder)
  const range = shard.range()
  const from = range === undefined ? shard.head.seq : range.first - 1n
  for (const name of names) shard.hold(name, toSeq(from))
  // It fails only when the log does, which the shard tells by itself.
  shard.keepHolders(names).catch(() => undefined)
}

/** A halted shard ends every session. */
function endAll(state: SyncState): void {
  // A dialler's stop never rejects; sync.stop waits for the same promise.
  for (const dialer of state.dialers) void dialer.stop()
  changed(state)
}

function holderName(transport: Transport): string {
  return `relay ${transport.url}`
}

function unknownShard({ url }: Transport): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrUnavailable',
    message: `The relay ${url} does not have this database, or does not have it yet.`,
    hint: 'Check the address, every character of it. It is followed as soon as its writer publishes it there.',
    retry: 'later',
    facts: { url },
  })
}

function stopped(): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrClosed',
    message: 'The database was closed before the write was shared.',
    hint: 'It is durable here and is sent when the database is open again.',
    retry: 'later',
  })
}
