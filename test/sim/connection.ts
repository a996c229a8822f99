/** Connection: one simulated socket pair, and what becomes of each message on it (network.ts has the fault
 *  model).  An end may change hands: the next life of a process that slept goes on with it.
 *  Keeps: without faults, order and every byte; nothing reaches a process that was killed. */

import { ConstelliteError } from '../../src/base/failure.ts'
import type { Sleep } from '../../src/relay/sleep.ts'
import type { Random } from '../../src/testing/random.ts'
import { MESSAGE_TYPE } from '../../src/transport/layout.ts'
import { createSocketEnd, type SocketEnd } from '../../src/transport/socket.ts'
import type { Socket } from '../../src/transport/transport.ts'
import type { Coverage } from './coverage.ts'
import type { SimProcess } from './process.ts'
import type { NetworkFault } from './scenario.ts'
import type { Timeline } from './timeline.ts'

/** Sees what one end sends, before anything happens to it. */
export type Tap = (message: Uint8Array, from: SimProcess, to: SimProcess) => void
/** Answers what really leaves in place of a message; `reply` sends one back to whoever sent it. */
export type Filter = (
  message: Uint8Array,
  reply: (message: Uint8Array) => void,
) => readonly Uint8Array[]

/** What happens to the messages from one process to another. */
export type FilterOf = (from: SimProcess, to: SimProcess) => Filter | undefined

export type End = {
  process: SimProcess
  socketEnd: SocketEnd
  /** What the process keeps with the connection. */
  kept: Uint8Array | undefined
  /** Came while the process slept. */
  unread: Uint8Array[]
  bufferedBytes: number
  /** Bytes of messages that came to it, and how many of them it said it has taken: between the two is what
   *  it may hold, as unread messages, parts of a message, envelopes that wait. */
  cameBytes: number
  reportedBytes: number
  /** Nothing arrives at this end before. */
  clearAtMs: number
  readonly filter: Filter | undefined
}

export type Connection = { readonly ends: readonly [End, End]; isOpen: boolean }

export type Listener = {
  readonly process: SimProcess
  readonly accept: (socket: Socket, sleep: Sleep) => void
}

export type NetworkState = {
  readonly timeline: Timeline
  readonly random: Random
  readonly coverage: Coverage
  /** What a relay that lies puts in place of its messages. */
  readonly filterOf: FilterOf
  readonly listeners: Map<string, Listener>
  readonly connections: Set<Connection>
  readonly taps: Tap[]
  /** What wakes a process that sleeps. */
  readonly sleeping: Map<SimProcess, () => void>
  readonly partitions: Map<string, number>
  faults: Partial<Record<NetworkFault, number>>
}

const LATENCY_MIN_MS = 0.2
const LATENCY_MAX_MS = 3
const DELAY_MAX_MS = 4_000
/** A message that hangs in a partition for longer breaks its connection. */
const HELD_MAX_MS = 20_000

export function pairOf(one: string, other: string): string {
  return [one, other].sort().join(' ')
}

export function partitionedUntil(state: NetworkState, one: SimProcess, other: SimProcess): number {
  return state.partitions.get(pairOf(one.name, other.name)) ?? 0
}

export function latency({ random }: NetworkState): number {
  return LATENCY_MIN_MS + (random.below(1000) / 1000) * (LATENCY_MAX_MS - LATENCY_MIN_MS)
}

export function createConnection(
  state: NetworkState,
  dialler: SimProcess,
  acceptor: SimProcess,
): Connection {
  const endOf = (process: SimProcess): End => ({
    process,
    // In its place before anybody has the connection.
    socketEnd: UNCONNECTED,
    kept: undefined,
    unread: [],
    bufferedBytes: 0,
    cameBytes: 0,
    reportedBytes: 0,
    clearAtMs: 0,
    filter: state.filterOf(process, process === dialler ? acceptor : dialler),
  })
  const connection: Connection = { isOpen: true, ends: [endOf(dialler), endOf(acceptor)] }
  for (const own of [0, 1] as const) {
    connection.ends[own].socketEnd = socketEndOf(state, connection, own)
  }
  state.connections.add(connection)
  return connection
}

const UNCONNECTED: SocketEnd = createSocketEnd({
  send: () => undefined,
  bufferedBytes: () => 0,
  close: () => undefined,
})

/** What a pong says: a header of five bytes, then a u64. */
function consumedBytesOf(pong: Uint8Array): number {
  return Number(new DataView(pong.buffer, pong.byteOffset).getBigUint64(5))
}

export function socketEndOf(state: NetworkState, connection: Connection, own: 0 | 1): SocketEnd {
  const end = connection.ends[own]
  const other = own === 0 ? 1 : 0
  const { process } = end
  return createSocketEnd({
    send(message) {
      if (!connection.isOpen || !process.isAlive) return
      const reply = (forged: Uint8Array): void => {
        if (connection.isOpen) send(state, connection, other, forged)
      }
      if (message[0] === MESSAGE_TYPE.pong) end.reportedBytes = consumedBytesOf(message)
      for (const tap of state.taps) tap(message, process, connection.ends[other].process)
      for (const one of end.filter?.(message, reply) ?? [message]) send(state, connection, own, one)
    },
    bufferedBytes: () => end.bufferedBytes,
    close: () => close(state, connection, own),
  })
}

function send(state: NetworkState, connection: Connection, own: 0 | 1, message: Uint8Array): void {
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
  state: NetworkState,
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
    if (message[0] !== MESSAGE_TYPE.ping && message[0] !== MESSAGE_TYPE.pong) {
      to.cameBytes += message.byteLength
    }
    const wake = state.sleeping.get(to.process)
    if (wake !== undefined && connection.isOpen) {
      to.unread.push(message)
      wake()
    } else if (to.process.isAlive) to.socketEnd.deliver(message)
  }
  timeline.at(atMs, `${from.process.name} to ${to.process.name}`, arrive)
}

/** One side closes: the other hears of it behind what was sent before. */
function close(state: NetworkState, connection: Connection, own: 0 | 1): void {
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

export function breakUp(state: NetworkState, connection: Connection): void {
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

export function brokenFailure(message: string): ConstelliteError {
  return new ConstelliteError({ hint: 'Try it.', code: 'ErrConnection', message, retry: 'later' })
}
