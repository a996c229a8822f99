/** Executor: one serial line of calls over one writer connection, in groups (DESIGN §5, Log).
 *  Keeps: a group is at most 64 calls, 1 MiB or 2 ms, then one flush, then all its answers; nothing, a
 *  failure included, is answered before the flush that covers the newest position it saw.  While a
 *  transaction is open only its own calls reach the writer, and reads a connection of their own.
 *  Never: runs SQL while a flush is under way, because a flush may fold the log into the page file. */

import { ConstelliteError, failureOf } from '../base/failure.ts'
import type { Host } from '../base/host.ts'
import { aborted } from './open-failures.ts'
import { createSlot, type Slot } from './slot.ts'
import { createTaskQueue, type Outcome, type Task, type TaskKind, type TaskQueue } from './tasks.ts'

export const GROUP_TASKS_MAX = 64
export const GROUP_BYTES_MAX: number = 1 << 20
export const GROUP_MS_MAX = 2
/** After this long other tasks of the realm get a turn: where flushes are synchronous, a caller that
 *  awaits each call would otherwise never leave the microtask queue. */
export const TURN_MS_MAX = 10
const PAUSE_MS = 1

/** What the executor needs of the shard. */
export type Durability = {
  readonly head: { readonly seq: bigint }
  readonly durable: { readonly seq: bigint }
  /** Bytes in memory that the page file does not hold. */
  readonly pages: { readonly dirtyBytes: number }
  flush(): Promise<void>
}

export type TaskInit<T> = {
  readonly kind: TaskKind
  readonly transaction?: number | undefined
  readonly caller: number
  readonly sizeBytes?: number
  readonly signal?: AbortSignal | undefined
  readonly work: () => T
}

export type Executor = {
  /** Runs `work` in its turn; resolves with what it answered, once that is durable. */
  submit<T>(init: TaskInit<T>): Promise<T>
  /** Runs `work` in its turn with no call beside it: imports and the like. */
  alone<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T>
  /** The transaction that holds the writer. */
  readonly slot: Slot
  /** Refuses everything that waits and everything later. */
  end(failure: ConstelliteError): void
  /** Resolves when everything submitted before has been answered, and no transaction is open. */
  drain(): Promise<void>
}

export type ExecutorParts = {
  readonly host: Host
  readonly shard: Durability
  /** No call from inside a transaction ever gets here but through `tx`: `Scope`. */
  readonly isScopeExact: boolean
  /** A flush failed: the executor has refused everything and stops. */
  readonly onPoisoned: (failure: ConstelliteError) => void
}

type Done = { readonly task: Task; readonly outcome: Outcome }
/** A group that ran, and the task that must run alone after it. */
type Group = { readonly done: readonly Done[]; readonly solo: Task | undefined }

type State = ExecutorParts & {
  readonly queue: TaskQueue
  readonly slot: Slot
  readonly idle: (() => void)[]
  isPumping: boolean
  turnSinceMs: number
  restingSinceMs: number
  ended: ConstelliteError | undefined
}

export function createExecutor(parts: ExecutorParts): Executor {
  const queue = createTaskQueue()
  const wake = (): void => wakeUp(state)
  const slot = createSlot(parts.host, { queue, wake, isScopeExact: parts.isScopeExact })
  const state: State = {
    ...parts,
    queue,
    slot,
    idle: [],
    isPumping: false,
    turnSinceMs: 0,
    restingSinceMs: Number.NEGATIVE_INFINITY,
    ended: undefined,
  }
  return {
    slot,
    end: (failure) => end(state, failure),
    submit: (init) => submit(state, init),
    alone: <T>(work: () => Promise<T>, signal?: AbortSignal) =>
      // What `work` answers is awaited before it settles: attemptAlone.
      submit(state, {
        kind: 'alone',
        caller: NO_CALLER,
        signal,
        work,
      }) as Promise<unknown> as Promise<T>,
    drain: () => {
      if (!state.isPumping && isIdle(state)) return Promise.resolve()
      return new Promise((resolve) => state.idle.push(resolve))
    },
  }
}

function wakeUp(state: State): void {
  if (state.isPumping) return
  state.isPumping = true
  // After a pause this long others have had their turn.
  const nowMs = state.host.monotonicNow()
  if (nowMs - state.restingSinceMs > PAUSE_MS) state.turnSinceMs = nowMs
  // Calls made in one go join one group, so the first of them does not run at once.
  Promise.resolve().then(() => pump(state))
}

async function pump(state: State): Promise<void> {
  for (;;) {
    await leaveTurn(state)
    const { done, solo } = runGroup(state)
    if (done.length === 0 && solo === undefined) break
    finish(state, done, await flush(state))
    if (solo === undefined) continue
    const outcome = state.ended === undefined ? await attemptAlone(solo) : refused(state.ended)
    finish(state, [{ task: solo, outcome }], await flush(state))
  }
  state.isPumping = false
  state.restingSinceMs = state.host.monotonicNow()
  if (isIdle(state)) for (const resolve of state.idle.splice(0)) resolve()
}

/** A transaction that does nothing is rolled back before long: slot.ts. */
function isIdle({ queue, slot }: State): boolean {
  return queue.size === 0 && slot.open === undefined
}

async function leaveTurn(state: State): Promise<void> {
  const { host } = state
  if (host.monotonicNow() - state.turnSinceMs < TURN_MS_MAX) return
  await new Promise<void>((resolve) => host.defer(resolve))
  state.turnSinceMs = host.monotonicNow()
}

function runGroup(state: State): Group {
  const { host, shard, queue, slot } = state
  const done: Done[] = []
  const startMs = host.monotonicNow()
  const startBytes = shard.pages.dirtyBytes
  let sizeBytes = 0
  while (done.length < GROUP_TASKS_MAX && state.ended === undefined) {
    const task = queue.next(slot.open)
    if (task === undefined) break
    if (task.kind === 'alone') return { done, solo: task }
    done.push({ task, outcome: attempt(task) })
    sizeBytes += task.sizeBytes
    const stagedBytes = Math.max(sizeBytes, shard.pages.dirtyBytes - startBytes)
    if (stagedBytes >= GROUP_BYTES_MAX) break
    if (host.monotonicNow() - startMs >= GROUP_MS_MAX) break
  }
  return { done, solo: undefined }
}

/** Answers what made the flush fail. */
async function flush({ shard }: State): Promise<ConstelliteError | undefined> {
  if (shard.durable.seq >= shard.head.seq) return undefined
  try {
    await shard.flush()
    return undefined
  } catch (error) {
    return poisoned(error)
  }
}

function finish(state: State, group: readonly Done[], failure: ConstelliteError | undefined): void {
  // Another copy writes now; storage is sound, and what is here can be read.
  const isUsable = failure === undefined || failure.code === 'ErrSuperseded'
  for (const { task, outcome } of group) {
    task.settle(failure === undefined ? outcome : refused(failure))
    if (isUsable) state.slot.answered(task)
  }
  if (isUsable) return
  end(state, failure)
  state.onPoisoned(failure)
}

function end(state: State, failure: ConstelliteError): void {
  if (state.ended !== undefined) return
  state.ended = failure
  state.slot.end(failure)
  for (const task of state.queue.takeAll(() => true)) task.settle(refused(failure))
  wakeUp(state)
}

/** Belongs to no handle. */
export const NO_CALLER: number = 0

function submit<T>(state: State, init: TaskInit<T>): Promise<T> {
  const { queue, slot } = state
  const { signal, transaction } = init
  return new Promise<T>((resolve, reject) => {
    if (state.ended !== undefined) return reject(state.ended)
    if (signal?.aborted) return reject(aborted(signal))
    const refusal = transaction === undefined ? undefined : slot.refusal(transaction)
    if (refusal !== undefined) return reject(refusal)
    const onAbort = (): void => {
      if (!queue.remove(task)) return
      slot.answered(task)
      reject(aborted(signal))
    }
    const task: Task = {
      kind: init.kind,
      transaction,
      caller: init.caller,
      sizeBytes: init.sizeBytes ?? 0,
      work: init.work,
      settle: (outcome) => {
        signal?.removeEventListener('abort', onAbort)
        // The value is what this task's own `work` answered.
        if (outcome.ok) resolve(outcome.value as T)
        else reject(outcome.failure)
      },
    }
    queue.push(task)
    slot.called(task)
    signal?.addEventListener('abort', onAbort, { once: true })
    wakeUp(state)
  })
}

function attempt(task: Task): Outcome {
  try {
    return { ok: true, value: task.work() }
  } catch (error) {
    return refused(failureOf(error))
  }
}

async function attemptAlone(task: Task): Promise<Outcome> {
  try {
    return { ok: true, value: await task.work() }
  } catch (error) {
    return refused(failureOf(error))
  }
}

function refused(failure: ConstelliteError): Outcome {
  return { ok: false, failure }
}

/** Reasons that say more than that storage failed. */
const OWN_REASONS: readonly string[] = [
  'ErrPoisoned',
  'ErrCleared',
  'ErrSuperseded',
  'ErrForked',
  'ErrDiverged',
]

function poisoned(error: unknown): ConstelliteError {
  const cause = failureOf(error)
  if (OWN_REASONS.includes(cause.code)) return cause
  return new ConstelliteError({
    code: 'ErrPoisoned',
    message: `A write to storage failed, so nothing after it can be trusted: ${cause.message}`,
    hint: 'Open the database again: it recovers to the last write that was answered.',
    retry: 'after-repair',
    facts: { reason: cause.code },
    cause,
  })
}
