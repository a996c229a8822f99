/** Deadlines: the earliest of many, in a binary heap, and one timer for all of them.
 *  Keeps: at most one armed timer; none when nothing waits; entries that are no longer wanted never
 *  outnumber the wanted ones by more than two to one (past the first 64), so memory follows what waits.
 *  Never: arms a timer when it is made. */

import type { Host, Timer } from '../base/host.ts'

export type Deadline = { readonly dueMs: number; isOver: boolean }

/** Below this many entries sweeping is not worth it. */
const SWEEP_MIN = 64

export class Deadlines<Entry extends Deadline> {
  readonly #host: Host
  readonly #onDue: (entry: Entry) => void
  #heap: Entry[] = []
  #waiting = 0
  #timer: Timer | undefined
  #timerDueMs = 0

  constructor(host: Host, onDue: (entry: Entry) => void) {
    this.#host = host
    this.#onDue = onDue
  }

  /** Entries in memory, the no longer wanted ones among them. */
  get heldCount(): number {
    return this.#heap.length
  }

  add(entry: Entry): void {
    this.#waiting += 1
    this.#heap.push(entry)
    siftUp(this.#heap)
    this.#arm()
  }

  /** The entry no longer waits; call once. */
  drop(entry: Entry): void {
    entry.isOver = true
    this.#waiting -= 1
    if (this.#waiting === 0) this.clear()
    else if (this.#heap.length > SWEEP_MIN && this.#heap.length > 3 * this.#waiting) this.#sweep()
  }

  clear(): void {
    this.#heap = []
    this.#waiting = 0
    this.#timer?.cancel()
    this.#timer = undefined
  }

  #arm(): void {
    const earliest = this.#heap[0]
    if (earliest === undefined) return
    if (this.#timer !== undefined && this.#timerDueMs <= earliest.dueMs) return
    this.#timer?.cancel()
    this.#timerDueMs = earliest.dueMs
    const delayMs = Math.max(0, earliest.dueMs - this.#host.monotonicNow())
    this.#timer = this.#host.setTimer(delayMs, () => this.#fire())
  }

  #fire(): void {
    this.#timer = undefined
    try {
      this.#releaseDue(this.#host.monotonicNow())
    } finally {
      // A callback that throws must not strand the others.
      this.#arm()
    }
  }

  #releaseDue(nowMs: number): void {
    for (let first = this.#heap[0]; first !== undefined; first = this.#heap[0]) {
      if (!first.isOver && first.dueMs > nowMs) break
      takeFirst(this.#heap)
      if (first.isOver) continue
      first.isOver = true
      this.#waiting -= 1
      this.#onDue(first)
    }
  }

  #sweep(): void {
    // Sorted is a valid heap.
    this.#heap = this.#heap.filter((it) => !it.isOver).sort((a, b) => a.dueMs - b.dueMs)
  }
}

function siftUp<Entry extends Deadline>(heap: Entry[]): void {
  let at = heap.length - 1
  const entry = heap[at] as Entry
  while (at > 0) {
    const parent = (at - 1) >> 1
    if ((heap[parent] as Entry).dueMs <= entry.dueMs) break
    heap[at] = heap[parent] as Entry
    at = parent
  }
  heap[at] = entry
}

function takeFirst<Entry extends Deadline>(heap: Entry[]): void {
  const last = heap.pop()
  if (last === undefined || heap.length === 0) return
  let at = 0
  for (;;) {
    let child = 2 * at + 1
    if (child >= heap.length) break
    const right = heap[child + 1]
    if (right !== undefined && right.dueMs < (heap[child] as Entry).dueMs) child += 1
    if ((heap[child] as Entry).dueMs >= last.dueMs) break
    heap[at] = heap[child] as Entry
    at = child
  }
  heap[at] = last
}
