/** Tasks: the waiting line of calls in front of SQLite, a pure queue.
 *  Keeps: without an open transaction strictly first come first served; with one, the transaction's own
 *  calls first, then reads, which overtake what must wait for its end.  Bounded.
 *  Never: runs anything. */

import { ConstelliteError } from '../base/failure.ts'
import type { TransactionId } from './core.ts'

/** 'read' may use the reader connection beside an open transaction; 'alone' runs with no call beside it,
 *  asynchronously, after a flush. */
export type TaskKind = 'write' | 'read' | 'begin' | 'alone'

export type Task = {
  readonly kind: TaskKind
  readonly transaction: TransactionId | undefined
  readonly caller: number
  /** Bytes of its parameters: what a group has to keep. */
  readonly sizeBytes: number
  /** Runs in SQLite, at once and wholly; what it answers is handed out after the flush.  Only of kind
   *  'alone' a promise. */
  work(): unknown
  settle(outcome: Outcome): void
}

export type Outcome =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly failure: ConstelliteError }

/** Calls that may wait at once. */
export const TASKS_MAX = 262_144

export type TaskQueue = {
  readonly size: number
  push(task: Task): void
  /** The next task that may run while `open` is the open transaction. */
  next(open: TransactionId | undefined): Task | undefined
  remove(task: Task): boolean
  /** Takes out every task for which `isTaken` holds. */
  takeAll(isTaken: (task: Task) => boolean): Task[]
}

export function createTaskQueue(sizeMax: number = TASKS_MAX): TaskQueue {
  const inside = createLine()
  const outside = createLine()
  return {
    get size() {
      return inside.size + outside.size
    },
    push(task) {
      if (inside.size + outside.size >= sizeMax) throw full(sizeMax)
      if (task.transaction === undefined) outside.push(task)
      else inside.push(task)
    },
    next(open) {
      if (open === undefined) return outside.shift()
      return inside.shift() ?? outside.shiftRead()
    },
    remove: (task) => (task.transaction === undefined ? outside : inside).remove(task),
    takeAll: (isTaken) => [...inside.takeAll(isTaken), ...outside.takeAll(isTaken)],
  }
}

/** One line in order of arrival; holes are left where a read overtook, and skipped. */
function createLine() {
  let tasks: (Task | undefined)[] = []
  let start = 0
  let size = 0
  /** No read stands before this index. */
  let readsFrom = 0
  const takeAt = (index: number): Task | undefined => {
    const task = tasks[index]
    if (task === undefined) return undefined
    tasks[index] = undefined
    size -= 1
    return task
  }
  const compact = (): void => {
    while (start < tasks.length && tasks[start] === undefined) start += 1
    if (start < 1024 || start * 2 < tasks.length) return
    tasks = tasks.slice(start)
    readsFrom = Math.max(0, readsFrom - start)
    start = 0
  }
  return {
    get size() {
      return size
    },
    push(task: Task) {
      tasks.push(task)
      size += 1
    },
    shift(): Task | undefined {
      compact()
      const task = takeAt(start)
      compact()
      return task
    },
    shiftRead(): Task | undefined {
      let index = Math.max(readsFrom, start)
      while (index < tasks.length && tasks[index]?.kind !== 'read') index += 1
      readsFrom = index
      return takeAt(index)
    },
    remove(task: Task): boolean {
      const index = tasks.indexOf(task, start)
      return index >= 0 && takeAt(index) !== undefined
    },
    takeAll(isTaken: (task: Task) => boolean): Task[] {
      const taken: Task[] = []
      for (let index = start; index < tasks.length; index++) {
        const task = tasks[index]
        if (task !== undefined && isTaken(task)) taken.push(takeAt(index) as Task)
      }
      return taken
    },
  }
}

function full(sizeMax: number): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrBackpressure',
    message: `${sizeMax} calls are waiting already.`,
    hint: 'Await calls before making more of them.',
    retry: 'later',
    facts: { sizeMax },
  })
}
