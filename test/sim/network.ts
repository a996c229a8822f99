/** Network: sockets between processes of the simulation.
 *  Fault model: a message may be lost, repeated, overtaken, delayed or cut short; a connection may break,
 *  told to both ends or to neither; a partition holds everything between two nodes until it ends.  A stream
 *  that lost a message in its middle is a broken protocol: it has to end as a closed connection.
 *  Keeps: without faults, order and every byte; no buffer is shared between two ends; nothing reaches a
 *  process that was killed. */

import { ConstelliteError } from '../../src/base/failure.ts'
import type { Random } from '../../src/testing/random.ts'
import { createSocketEnd, type SocketEnd } from '../../src/transport/socket.ts'
import type { Socket, Transport } from '../../src/transport/transport.ts'
import type { Coverage } from './coverage.ts'
import type { SimProcess } from './process.ts'
import type { NetworkFault } from './scenario.ts'
import type { Timeline } from './timeline.ts'

/** Sees what one end sends, before anything happens to it. */
export type Tap = (message: Uint8Array, from: SimProcess, to: SimProcess) => void
/** Answers what really leaves in place of a message. */
export type Filter = (message: Uint8Array) => readonly Uint8Array[]

export type Network = {
  listen(url: string, process: SimProcess, accept: (socket: Socket) => void): void
  transport(url: string, process: SimProcess): Transport
  /** Probabilities for each message. */
  setFaults(faults: Partial<Record<NetworkFault, number>>): void
  /** Nothing passes between these nodes for so long. */
  partition(node: string, other: string, forMs: number): void
  /** Breaks every connection of a node. */
  cut(node: string): void
  /** Ends faults and partitions. */
  heal(): void
  /** The process was killed: its peers hear of it, or not. */
  drop(process: SimProcess, isTold: boolean): void
  onSend(tap: Tap): void
  /** Most bytes under way in one direction of a connection now. */
  readonly bufferedBytesMax: number
  readonly connectionCount: number
}

type End = {
  readonly process: SimProcess
  readonly socketEnd: SocketEnd
  bufferedBytes: number
  /** Nothing arrives at this end before. */
  clearAtMs: number
}

type Connection = { readonly ends: readonly [End, End]; isOpen: boolean }

type Listener = {
  readonly process: SimProcess
  readonly accept: (socket: Socket) => void
}

type State = {
  readonly timeline: Timeline
  readonly random: Random
  readonly coverage: Coverage
  /** What a relay that lies puts in place of its messages. */
  readonly filterOf: (process: SimProcess) => Filter | undefined
  readonly listeners: Map<string, Listener>
  readonly connections: Set<Connection>
  readonly taps: Tap[]
  readonly partitions: Map<string, number>
  faults: Partial<Record<NetworkFault, number>>
}

const LATENCY_MIN_MS = 0.2
const LATENCY_MAX_MS = 3
const DELAY_MAX_MS = 4_000
/** A message that hangs in a partition for longer breaks its connection. */
const HELD_MAX_MS = 20_000

export function createNetwork(options: {
  readonly timeline: Timeline
  readonly random: Random
  readonly coverage: Coverage
  readonly filterOf: (process: SimProcess) => Filter | undefined
}): Network {
  const state: State = {
    ...options,
    listeners: new Map(),
    connections: new Set(),
    taps: [],
    partitions: new Map(),
    faults: {},
  }
  return {
    listen: (url, process, accept) => void state.listeners.set(url, { process, accept }),
    transport: (url, process) => ({
      url,
      binding: new URL(url).host,
      connect: (signal) => connect(state, url, process, signal),
    }),
    setFaults(faults) {
      state.faults = faults
    },
    partition(node, other, forMs) {
      state.partitions.set(pairOf(node, other), state.timeline.nowMs + forMs)
    },
    cut(node) {
      for (const connection of [...state.connections]) {
        if (connection.ends.some(({ process }) => process.name === node)) breakUp(state, connection)
      }
    },
    heal() {
      state.faults = {}
      state.partitions.clear()
    },
    drop(process, isTold) {
      for (const connection of [...state.connections]) {
        if (!connection.ends.some((end) => end.process === process)) continue
        if (isTold) breakUp(state, connection)
      }
    },
    onSend: (tap) => void state.taps.push(tap),
    get bufferedBytesMax() {
      let most = 0
      for (const { ends } of state.connections) {
        for (const { bufferedBytes } of ends) most = Math.max(most, bufferedBytes)
      }
      return most
    },
    get connectionCount() {
      return state.connections.size
    },
  }
}

function pairOf(one: string, other: string): string {
  return [one, other].sort().join(' ')
}

function partitionedUntil(state: State, one: SimProcess, other: SimProcess): number {
  return state.partitions.get(pairOf(one.name, other.name)) ?? 0
}

function latency({ random }: State): number {
  return LATENCY_MIN_MS + (random.below(1000) / 1000) * (LATENCY_MAX_MS - LATENCY_MIN_MS)
}

function connect(
  state: State,
  url: string,
  process: SimProcess,
  signal: { readonly aborted: boolean; readonly reason: unknown } & Pick<
    AbortSignal,
    'addEventListener'
  >,
): Promise<Socket> {
  const { timeline } = state
  return new Promise((resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason))
    timeline.at(timeline.nowMs + latency(state), `${process.name} connects`, () => {
      const listener = state.listeners.get(url)
      if (!process.isAlive || signal.aborted) return
      if (listener === undefined || !listener.process.isAlive) {
        return reject(brokenFailure(`Nobody listens at ${url}.`))
      }
      // What is sent into a partition is answered by nobody: the dialler's own deadline ends it.
      if (partitionedUntil(state, process, listener.process) > timeline.nowMs) return
      const [dialler, acceptor] = createConnection(state, process, listener.process)
      listener.accept(acceptor)
      resolve(dialler)
    })
  })
}

function createConnection(
  state: State,
  dialler: SimProcess,
  acceptor: SimProcess,
): readonly [Socket, Socket] {
  const endOf = (process: SimProcess, own: 0 | 1): End => {
    const filter = state.filterOf(process)
    return {
      process,
      bufferedBytes: 0,
      clearAtMs: 0,
      socketEnd: createSocketEnd({
        send(message) {
          if (!connection.isOpen || !process.isAlive) return
          const far = connection.ends[own === 0 ? 1 : 0]
          for (const tap of state.taps) tap(message, process, far.process)
          for (const one of filter?.(message) ?? [message]) send(state, connection, own, one)
        },
        bufferedBytes: () => connection.ends[own].bufferedBytes,
        close: () => close(state, connection, own),
      }),
    }
  }
  const connection: Connection = {
    isOpen: true,
    ends: [endOf(dialler, 0), endOf(acceptor, 1)],
  }
  state.connections.add(connection)
  return [connection.ends[0].socketEnd.socket, connection.ends[1].socketEnd.socket]
}

function send(state: State, connection: Connection, own: 0 | 1, message: Uint8Array): void {
  const { random, coverage } = state
  const happens = (fault: NetworkFault): boolean => {
    const isHit = random.chance(state.faults[fault] ?? 0)
    if (isHit) coverage.count(fault)
    return isHit
  }
  if (happens('loss')) return
  const copies = happens('duplicate') ? 2 : 1
  for (let copy = 0; copy < copies; copy++) {
    const isCut = message.byteLength > 1 && happens('truncate')
    const sizeBytes = isCut ? random.below(message.byteLength) : message.byteLength
    const extraMs = happens('delay') ? random.below(DELAY_MAX_MS) : 0
    deliverLater(state, connection, own, {
      message: message.slice(0, sizeBytes),
      afterMs: latency(state) + extraMs,
      isOvertaken: happens('reorder'),
    })
  }
}

function deliverLater(
  state: State,
  connection: Connection,
  own: 0 | 1,
  parcel: {
    readonly message: Uint8Array
    readonly afterMs: number
    readonly isOvertaken: boolean
  },
): void {
  const { timeline, random } = state
  const from = connection.ends[own]
  const to = connection.ends[own === 0 ? 1 : 0]
  const { message } = parcel
  from.bufferedBytes += message.byteLength
  const dueMs = timeline.nowMs + parcel.afterMs
  const atMs = parcel.isOvertaken ? dueMs + random.below(50) : Math.max(dueMs, to.clearAtMs)
  if (!parcel.isOvertaken) to.clearAtMs = atMs
  const arrive = (): void => {
    const untilMs = partitionedUntil(state, from.process, to.process)
    if (connection.isOpen && untilMs > timeline.nowMs) {
      if (untilMs - timeline.nowMs > HELD_MAX_MS) breakUp(state, connection)
      else timeline.at(untilMs, 'held message', arrive)
      return
    }
    from.bufferedBytes -= message.byteLength
    if (!to.process.isAlive) return
    to.socketEnd.deliver(message)
  }
  timeline.at(atMs, `${from.process.name} to ${to.process.name}`, arrive)
}

/** One side closes: the other hears of it behind what was sent before. */
function close(state: State, connection: Connection, own: 0 | 1): void {
  if (!connection.isOpen) return
  connection.isOpen = false
  state.connections.delete(connection)
  const { timeline } = state
  for (const [index, end] of connection.ends.entries()) {
    const atMs =
      index === own ? timeline.nowMs : Math.max(end.clearAtMs, timeline.nowMs) + latency(state)
    timeline.at(atMs, `${end.process.name} hears the end`, () => {
      if (end.process.isAlive) end.socketEnd.end(undefined)
    })
  }
}

function breakUp(state: State, connection: Connection): void {
  if (!connection.isOpen) return
  connection.isOpen = false
  state.connections.delete(connection)
  const { timeline } = state
  for (const end of connection.ends) {
    timeline.at(timeline.nowMs + latency(state), `${end.process.name} loses a connection`, () => {
      if (end.process.isAlive) end.socketEnd.end(brokenFailure('The connection was cut.'))
    })
  }
}

function brokenFailure(message: string): ConstelliteError {
  return new ConstelliteError({ code: 'ErrConnection', message, retry: 'later' })
}
