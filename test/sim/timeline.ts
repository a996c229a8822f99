/** Timeline: the virtual clock of a simulation and everything that is still to happen on it.
 *  Keeps: events fire in the order of their time, then of their making; what one set off has settled before
 *  the next fires; the same calls give the same run, told by `traceHash`.
 *  Never: reads a real clock.  Between any two events a process may be killed. */

import type { Timer } from '../../src/base/host.ts'

export type Timeline = {
  /** Milliseconds since the start, with fractions. */
  readonly nowMs: number
  /** Events that have fired. */
  readonly eventCount: number
  /** `label` goes into the trace. */
  at(dueMs: number, label: string, callback: () => void): Timer
  /** Fires everything due within `ms`; ends early when `isOver` says so. */
  advance(ms: number, isOver?: () => boolean): Promise<void>
  /** Adds a fact to the trace. */
  note(fact: string): void
  readonly traceHash: string
}

type Event = {
  readonly dueMs: number
  readonly order: number
  readonly label: string
  callback: (() => void) | undefined
}

/** More in one run is a loop that never ends. */
const EVENTS_MAX = 2_000_000

export function createTimeline(onNote: (fact: string) => void = () => {}): Timeline {
  const heap: Event[] = []
  const trace = createTrace()
  let nowMs = 0
  let lastOrder = 0
  let eventCount = 0
  const note = (fact: string): void => {
    trace.add(fact)
    onNote(`${nowMs.toFixed(3)} ${fact}`)
  }
  return {
    get nowMs() {
      return nowMs
    },
    get eventCount() {
      return eventCount
    },
    note,
    get traceHash() {
      return trace.hash
    },
    at(dueMs, label, callback) {
      const event: Event = { dueMs: Math.max(nowMs, dueMs), order: ++lastOrder, label, callback }
      push(heap, event)
      return {
        cancel() {
          event.callback = undefined
        },
      }
    },
    async advance(ms, isOver = () => false) {
      const endMs = nowMs + ms
      await settled()
      for (let next = heap[0]; next !== undefined && next.dueMs <= endMs; next = heap[0]) {
        pop(heap)
        const { callback } = next
        if (callback === undefined) continue
        if (++eventCount > EVENTS_MAX) throw new Error('the simulation does not come to rest')
        nowMs = Math.max(nowMs, next.dueMs)
        trace.add(next.label)
        trace.add(String(nowMs))
        callback()
        await settled()
        if (isOver()) return
      }
      nowMs = endMs
    },
  }
}

/** Resolves when every promise callback that can run now has run. */
function settled(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}

/** FNV-1a, twice with different starts: enough to tell two runs apart. */
function createTrace(): { add(text: string): void; readonly hash: string } {
  let left = 0x811c9dc5
  let right = 0x01000193
  return {
    add(text) {
      for (let index = 0; index < text.length; index++) {
        const code = text.charCodeAt(index)
        left = Math.imul(left ^ code, 0x01000193)
        right = Math.imul(right ^ (code + 0x9e), 0x85ebca6b)
      }
    },
    get hash() {
      return [left, right].map((half) => (half >>> 0).toString(16).padStart(8, '0')).join('')
    },
  }
}

function isBefore(one: Event, other: Event): boolean {
  return one.dueMs === other.dueMs ? one.order < other.order : one.dueMs < other.dueMs
}

function push(heap: Event[], event: Event): void {
  let at = heap.push(event) - 1
  while (at > 0) {
    const above = (at - 1) >> 1
    const parent = heap[above] as Event
    if (!isBefore(event, parent)) break
    heap[at] = parent
    at = above
  }
  heap[at] = event
}

function pop(heap: Event[]): void {
  const last = heap.pop() as Event
  if (heap.length === 0) return
  let at = 0
  for (;;) {
    let below = 2 * at + 1
    if (below >= heap.length) break
    const right = heap[below + 1]
    if (right !== undefined && isBefore(right, heap[below] as Event)) below += 1
    const child = heap[below] as Event
    if (!isBefore(child, last)) break
    heap[at] = child
    at = below
  }
  heap[at] = last
}
