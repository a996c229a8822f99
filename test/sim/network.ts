/** Network: sockets between processes of the simulation.
 *  Fault model: a message may be lost, repeated, overtaken, delayed or cut short; a connection may break,
 *  told to both ends or to neither; a partition holds everything between two nodes until it ends.  A stream
 *  that lost a message in its middle is a broken protocol: it has to end as a closed connection.
 *  Keeps: without faults, order and every byte; no buffer is shared between two ends; nothing reaches a
 *  process that was killed. */

import type { Sleep } from '../../src/relay/sleep.ts'
import type { Random } from '../../src/testing/random.ts'
import type { Socket, Transport } from '../../src/transport/transport.ts'
import {
  breakUp,
  brokenFailure,
  createConnection,
  type End,
  type FilterOf,
  latency,
  type NetworkState,
  pairOf,
  partitionedUntil,
  socketEndOf,
  type Tap,
} from './connection.ts'
import type { Coverage } from './coverage.ts'
import type { SimProcess } from './process.ts'
import type { NetworkFault } from './scenario.ts'
import type { Timeline } from './timeline.ts'

export type Network = {
  listen(url: string, process: SimProcess, accept: (socket: Socket, sleep: Sleep) => void): void
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
  /** The process was stopped, and its connections outlive it: the next message, or dialler, calls `wake`. */
  sleep(process: SimProcess, wake: () => void): void
  /** The next life of a process that slept takes each of its connections, in the order in which they were
   *  made, with what was kept of it; before `listen`. */
  resume(
    asleep: SimProcess,
    process: SimProcess,
    take: (socket: Socket, kept: Uint8Array | undefined, sleep: Sleep) => void,
  ): void
  /** What the connections of a process hold. */
  useOf(process: SimProcess): NetworkUse
}

export type NetworkUse = {
  connections: number
  /** The most of any one of them: sent and not yet there; come and not said to be taken. */
  bufferedBytesMax: number
  untakenBytesMax: number
}

export function createNetwork(options: {
  readonly timeline: Timeline
  readonly random: Random
  readonly coverage: Coverage
  readonly filterOf: FilterOf
}): Network {
  const state: NetworkState = {
    ...options,
    listeners: new Map(),
    connections: new Set(),
    taps: [],
    sleeping: new Map(),
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
    sleep: (process, wake) => void state.sleeping.set(process, wake),
    resume: (asleep, process, take) => resume(state, asleep, process, take),
    drop(process, isTold) {
      state.sleeping.delete(process)
      for (const connection of [...state.connections]) {
        if (!connection.ends.some((end) => end.process === process)) continue
        if (isTold) breakUp(state, connection)
      }
    },
    onSend: (tap) => void state.taps.push(tap),
    useOf(process) {
      const use: NetworkUse = { connections: 0, bufferedBytesMax: 0, untakenBytesMax: 0 }
      for (const { ends } of state.connections) {
        for (const end of ends) {
          if (end.process !== process) continue
          use.connections += 1
          use.bufferedBytesMax = Math.max(use.bufferedBytesMax, end.bufferedBytes)
          use.untakenBytesMax = Math.max(use.untakenBytesMax, end.cameBytes - end.reportedBytes)
        }
      }
      return use
    },
  }
}

function connect(
  state: NetworkState,
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
      const wake = listener && state.sleeping.get(listener.process)
      if (wake !== undefined) {
        wake()
        return dialAgain(state, url, process, signal).then(resolve, reject)
      }
      if (listener === undefined || !listener.process.isAlive) {
        return reject(brokenFailure(`Nobody listens at ${url}.`))
      }
      // What is sent into a partition is answered by nobody: the dialler's own deadline ends it.
      if (partitionedUntil(state, process, listener.process) > timeline.nowMs) return
      const connection = createConnection(state, process, listener.process)
      const [dialler, acceptor] = connection.ends
      listener.accept(acceptor.socketEnd.socket, sleepOf(acceptor, listener.process))
      resolve(dialler.socketEnd.socket)
    })
  })
}

/** While whom it dials wakes up. */
function dialAgain(...parameters: Parameters<typeof connect>): Promise<Socket> {
  const [{ timeline }, , process] = parameters
  return new Promise((resolve) => {
    timeline.at(timeline.nowMs + 1, `${process.name} waits`, () => resolve(connect(...parameters)))
  })
}

/** A process that was killed, or slept since, keeps nothing any more. */
function sleepOf(end: End, process: SimProcess): Sleep {
  return {
    keep(bytes) {
      if (process.isAlive && end.process === process) end.kept = bytes
    },
  }
}

function resume(
  state: NetworkState,
  asleep: SimProcess,
  process: SimProcess,
  take: (socket: Socket, kept: Uint8Array | undefined, sleep: Sleep) => void,
): void {
  state.sleeping.delete(asleep)
  for (const connection of [...state.connections]) {
    for (const own of [0, 1] as const) {
      const end = connection.ends[own]
      if (end.process !== asleep) continue
      end.process = process
      end.socketEnd = socketEndOf(state, connection, own)
      for (const message of end.unread.splice(0)) end.socketEnd.deliver(message)
      take(end.socketEnd.socket, end.kept, sleepOf(end, process))
    }
  }
}
