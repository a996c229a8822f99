/** Broadcast channels and message ports of a simulated browser, as the standards have them: a broadcast reaches
 *  the channels that are open when it is posted, in the order of its sender; a port keeps what comes until
 *  somebody listens. */

import type { Port } from '../../src/database/bridge/port.ts'
import { type Agent, cloneMessage, type Lane, type World } from './tabs-world.ts'

type Channel = Port & { readonly agent: Agent; isClosed: boolean }

export type Broadcasts = {
  join(agent: Agent, name: string): Port
  /** Channels that are open under this name. */
  countOf(name: string): number
  /** Every name under which a channel is open. */
  readonly names: readonly string[]
}

export function createBroadcasts(world: World): Broadcasts {
  const byName = new Map<string, Set<Channel>>()
  const lanes = new Map<Channel, Map<Channel, Lane>>()
  const laneOf = (from: Channel, to: Channel): Lane => {
    const known = lanes.get(from) ?? new Map<Channel, Lane>()
    lanes.set(from, known)
    const lane = known.get(to) ?? world.lane(to.agent)
    known.set(to, lane)
    return lane
  }
  const join = (agent: Agent, name: string): Channel => {
    const open = byName.get(name) ?? new Set<Channel>()
    byName.set(name, open)
    const close = (): void => {
      channel.isClosed = true
      open.delete(channel)
      if (open.size === 0 && byName.get(name) === open) byName.delete(name)
    }
    const channel: Channel = {
      agent,
      isClosed: false,
      onmessage: null,
      addEventListener: () => undefined,
      postMessage: (message) => {
        if (agent.isDead) return
        if (channel.isClosed) throw new DOMException('Channel is closed', 'InvalidStateError')
        for (const other of open) {
          if (other === channel) continue
          const data = cloneMessage(message)
          world.send(laneOf(channel, other), () => {
            // What the code reads of an event.
            if (!other.isClosed) other.onmessage?.({ data } as MessageEvent)
          })
        }
      },
      close,
    }
    // What a page that died had begun still runs here, and reaches nobody.
    if (agent.isDead) close()
    else open.add(channel)
    agent.onDeath.add(close)
    return channel
  }
  return {
    join,
    countOf: (name) => byName.get(name)?.size ?? 0,
    get names() {
      return [...byName.keys()]
    },
  }
}

type Listener = (event: { readonly data: unknown }) => void

/** One end of a message channel; an end is a worker's or its page's global scope, too. */
export type SimulatedPort = Port & {
  start(): void
  removeEventListener(type: string, listener: Listener): void
}

type End = SimulatedPort & {
  readonly lane: Lane
  peer: End | undefined
  isClosed: boolean
  hear(data: unknown): void
  /** The other end is gone. */
  over(): void
  moveTo(agent: Agent): void
}

export type PortOptions = {
  /** Browsers before 2024 do not say that the other end was closed. */
  readonly tellsClose: boolean
}

/** Both ends of a message channel, of two agents or of one that gives an end away. */
export function createPorts(
  world: World,
  [first, second]: readonly [Agent, Agent],
  options: PortOptions,
): [SimulatedPort, SimulatedPort] {
  const [left, right] = [createEnd(world, first, options), createEnd(world, second, options)]
  left.peer = right
  right.peer = left
  return [left, right]
}

function createEnd(world: World, agent: Agent, { tellsClose }: PortOptions): End {
  let handler: Port['onmessage'] = null
  const listeners = new Map<string, Set<Listener>>()
  const tell = (type: string, data: unknown): void => {
    for (const listener of listeners.get(type) ?? []) listener({ data })
  }
  const close = (): void => {
    const { peer } = end
    if (end.isClosed || peer === undefined) return
    end.isClosed = true
    if (tellsClose) world.send(peer.lane, peer.over)
  }
  const end: End = {
    lane: { ...world.lane(agent), isOpen: false },
    peer: undefined,
    isClosed: false,
    hear: (data) => {
      if (end.isClosed) return
      // What the code reads of an event.
      handler?.({ data } as MessageEvent)
      tell('message', data)
    },
    over: () => {
      if (end.isClosed) return
      end.isClosed = true
      tell('close', undefined)
    },
    get onmessage() {
      return handler
    },
    set onmessage(listener) {
      handler = listener
      end.lane.isOpen = true
    },
    addEventListener: (type: string, listener: Listener) => {
      const known = listeners.get(type) ?? new Set()
      listeners.set(type, known.add(listener))
    },
    removeEventListener: (type, listener) => {
      listeners.get(type)?.delete(listener)
    },
    postMessage: (message: unknown, moved: readonly unknown[] = []) => {
      const { peer } = end
      if (end.isClosed || end.lane.agent.isDead || peer === undefined) return
      const data = cloneMessage(message, moved)
      // Only ports of this file are ever transferred.
      for (const port of moved) (port as End).moveTo(peer.lane.agent)
      world.send(peer.lane, () => peer.hear(data))
    },
    start: () => {
      end.lane.isOpen = true
    },
    close,
    moveTo: (to) => {
      end.lane.agent.onDeath.delete(close)
      end.lane.agent = to
      to.onDeath.add(close)
    },
  }
  agent.onDeath.add(close)
  return end
}
