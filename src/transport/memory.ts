/** Memory hub: sockets between two sides of one realm, for tests and for a relay in the same process.
 *  Fault model, all seeded from the host: a message may be lost, repeated, delayed, overtaken by a later
 *  one, or have one bit flipped; a connection may be cut, or hold everything back.
 *  Keeps: without faults, order and every byte.  Never: shares a buffer between the two sides. */

import { ConstelliteError } from '../base/failure.ts'
import type { Host } from '../base/host.ts'
import { createSocketEnd, type SocketEnd } from './socket.ts'
import type { Socket, Transport } from './transport.ts'

export type Faults = {
  /** Probabilities from 0 to 1, for each message. */
  readonly loss: number
  readonly duplicate: number
  readonly flip: number
  /** A reordered message takes up to `delayMaxMs` longer than it should, without holding back others. */
  readonly reorder: number
  readonly delayMinMs: number
  readonly delayMaxMs: number
  /** Nothing is delivered and everything counts as buffered until faults without it are set. */
  readonly isHeld: boolean
}

export const NO_FAULTS: Faults = {
  loss: 0,
  duplicate: 0,
  flip: 0,
  reorder: 0,
  delayMinMs: 0,
  delayMaxMs: 0,
  isHeld: false,
}

export type MemoryHub = {
  /** Takes connections to `url`; answers the way to stop (connections that stand stay). */
  listen(url: string, accept: (socket: Socket) => void): () => void
  transport(url: string): Transport
  /** Holds for messages sent from now on. */
  setFaults(faults: Partial<Faults>): void
  /** Breaks every connection, as a network does. */
  cut(): void
  readonly counters: Readonly<Record<'sent' | 'lost' | 'duplicated' | 'flipped', number>>
}

type Lane = { send(message: Uint8Array): void; readonly bufferedBytes: number; release(): void }

export function createMemoryHub(host: Host): MemoryHub {
  const listeners = new Map<string, (socket: Socket) => void>()
  const connections = new Set<{ cut(): void; release(): void }>()
  const counters = { sent: 0, lost: 0, duplicated: 0, flipped: 0 }
  const state: HubState = { host, counters, faults: NO_FAULTS }

  const connect = (url: string): Socket => {
    const accept = listeners.get(url)
    if (accept === undefined) throw brokenFailure(`Nobody listens at ${url}.`)
    const connection = createConnection(state)
    connections.add(connection)
    connection.onOver = () => connections.delete(connection)
    host.defer(() => accept(connection.acceptor))
    return connection.dialler
  }
  return {
    listen(url, accept) {
      listeners.set(url, accept)
      return () => void listeners.delete(url)
    },
    transport: (url) => ({
      url,
      binding: new URL(url).host,
      connect: async (signal) => {
        signal.throwIfAborted()
        return connect(url)
      },
    }),
    setFaults(faults) {
      state.faults = { ...NO_FAULTS, ...faults }
      if (!state.faults.isHeld) for (const connection of connections) connection.release()
    },
    cut() {
      for (const connection of [...connections]) connection.cut()
    },
    counters,
  }
}

type HubState = {
  readonly host: Host
  readonly counters: { sent: number; lost: number; duplicated: number; flipped: number }
  faults: Faults
}

type Connection = {
  readonly dialler: Socket
  readonly acceptor: Socket
  cut(): void
  release(): void
  onOver: () => void
}

function createConnection(state: HubState): Connection {
  let isOpen = true
  const end = (target: SocketEnd, reason: ConstelliteError | undefined): void => {
    // As a network does: what was sent before the close arrives before it.
    state.host.defer(() => state.host.defer(() => target.end(reason)))
  }
  const endOf = (lane: () => Lane, far: () => SocketEnd): SocketEnd => {
    const own: SocketEnd = createSocketEnd({
      send: (message) => {
        if (isOpen) lane().send(message)
      },
      bufferedBytes: () => lane().bufferedBytes,
      close() {
        if (!isOpen) return
        isOpen = false
        end(own, undefined)
        end(far(), undefined)
        connection.onOver()
      },
    })
    return own
  }
  const dialler = endOf(
    () => forth,
    () => acceptor,
  )
  const acceptor: SocketEnd = endOf(
    () => back,
    () => dialler,
  )
  const forth = createLane(state, (message) => acceptor.deliver(message))
  const back = createLane(state, (message) => dialler.deliver(message))
  const connection: Connection = {
    dialler: dialler.socket,
    acceptor: acceptor.socket,
    cut() {
      isOpen = false
      dialler.end(brokenFailure('The connection was cut.'))
      acceptor.end(brokenFailure('The connection was cut.'))
      connection.onOver()
    },
    release() {
      forth.release()
      back.release()
    },
    onOver: () => undefined,
  }
  return connection
}

/** One direction of a connection. */
function createLane(state: HubState, deliver: (message: Uint8Array) => void): Lane {
  const { host, counters } = state
  const held: Uint8Array[] = []
  let bufferedBytes = 0
  let clearAtMs = 0
  const unit = (): number => (host.random(1)[0] as number) / 256
  const deliverLater = (message: Uint8Array): void => {
    const { delayMinMs, delayMaxMs, reorder } = state.faults
    const arrive = (): void => {
      bufferedBytes -= message.byteLength
      deliver(message)
    }
    const nowMs = host.monotonicNow()
    const dueMs = nowMs + delayMinMs + unit() * (delayMaxMs - delayMinMs)
    const isOvertaken = unit() < reorder
    const atMs = isOvertaken ? dueMs + unit() * delayMaxMs : Math.max(dueMs, clearAtMs)
    if (!isOvertaken) clearAtMs = atMs
    if (atMs <= nowMs) host.defer(arrive)
    else host.setTimer(atMs - nowMs, arrive)
  }
  return {
    get bufferedBytes() {
      return bufferedBytes
    },
    send(message) {
      counters.sent += 1
      const copies = [message.slice()]
      if (unit() < state.faults.loss) {
        copies.pop()
        counters.lost += 1
      }
      if (unit() < state.faults.duplicate) {
        copies.push(message.slice())
        counters.duplicated += 1
      }
      for (const copy of copies) {
        if (unit() < state.faults.flip) {
          flipOneBit(copy, host)
          counters.flipped += 1
        }
        bufferedBytes += copy.byteLength
        if (state.faults.isHeld) held.push(copy)
        else deliverLater(copy)
      }
    },
    release() {
      for (const message of held.splice(0)) deliverLater(message)
    },
  }
}

function flipOneBit(message: Uint8Array, host: Host): void {
  const random = host.random(5)
  const at = new DataView(random.buffer, random.byteOffset, 5).getUint32(0) % message.byteLength
  message[at] = (message[at] as number) ^ (1 << ((random[4] as number) & 7))
}

function brokenFailure(message: string): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrConnection',
    message,
    hint: 'Connect again.',
    retry: 'later',
  })
}
