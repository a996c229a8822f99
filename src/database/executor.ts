/** Executor: one serial line of calls over one writer connection, in groups (DESIGN §5, Log).
 *  Keeps: a group is at most 64 calls, 1 MiB or 2 ms, then one flush, then all its answers; nothing, a
 *  failure included, is answered before the flush that covers the newest position it saw.  While a
 *  transaction is open only its own calls reach the writer, and reads a connection of their own.
 *  Never: runs SQL while a flush is under way, because a flush may fold the log into the page file. */

import { ConstelliteError, failureOf } from '../base/failure.ts'
import type { Host } from '../base/host.ts'
import { aborted } from './open-failures.ts'
import { createSlot, type Slot } from './slot.ts'
import { createTaskQueue, type Outcome, type Task, type TaskKind } from './tasks.ts'

export const GROUP_TASKS_MAX = 64
export const GROUP_BYTES_MAX: number = 1 << 20
export const GROUP_MS_MAX = 2

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
  /** Looks again whether something can run: a transaction has ended. */
  wake(): void
  /** Refuses everything that waits and everything later. */
  end(failure: ConstelliteError): void
  /** Resolves when everything submitted before has been answered. */
  drain(): Promise<void>
}

export type ExecutorParts = {
  readonly host: Host
  readonly shard: Durability
  /** A flush failed: the executor has refused everything and stops. */
  readonly onPoisoned: (failure: ConstelliteError) => void
}

type Done = { readonly task: Task; readonly outcome: Outcome }
/** A group that ran, and the task that must run alone after it. */
type Group = { readonly done: Done[]; readonly solo: Task | undefined }

export function createExecutor(parts: ExecutorParts): Executor {
  const { host, shard } = parts
  const queue = createTaskQueue()
  const idle: (() => void)[] = []
  let isPumping = false
  let ended: ConstelliteError | undefined

  const wake = (): void => {
    if (isPumping) return
    isPumping = true
    // Calls made in one go join one group, so the first of them does not run at once.
    Promise.resolve().then(pump)
  }
  const slot = createSlot(host, { queue, wake })

  const runGroup = (): Group => {
    const done: Done[] = []
    const startMs = host.monotonicNow()
    const startBytes = shard.pages.dirtyBytes
    let sizeBytes = 0
    while (done.length < GROUP_TASKS_MAX && ended === undefined) {
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

  /** What made the flush fail. */
  const flush = async (): Promise<ConstelliteError | undefined> => {
    if (shard.durable.seq >= shard.head.seq) return undefined
    try {
      await shard.flush()
      return undefined
    } catch (error) {
      return poisoned(error)
    }
  }

  const finish = (group: readonly Done[], failure: ConstelliteError | undefined): void => {
    for (const { task, outcome } of group) {
      task.settle(failure === undefined ? outcome : refused(failure))
      if (failure === undefined) slot.answered(task)
    }
    if (failure === undefined) return
    end(failure)
    parts.onPoisoned(failure)
  }

  const pump = async (): Promise<void> => {
    for (;;) {
      const { done, solo } = runGroup()
      if (done.length === 0 && solo === undefined) break
      finish(done, await flush())
      if (solo === undefined) continue
      const outcome = ended === undefined ? await attemptAlone(solo) : refused(ended)
      finish([{ task: solo, outcome }], await flush())
    }
    isPumping = false
    if (queue.size === 0) for (const resolve of idle.splice(0)) resolve()
  }

  const end = (failure: ConstelliteError): void => {
    if (ended !== undefined) return
    ended = failure
    slot.end(failure)
    for (const task of queue.takeAll(() => true)) task.settle(refused(failure))
    wake()
  }

  const submit = <T>(init: TaskInit<T>): Promise<T> => {
    if (ended !== undefined) return Promise.reject(ended)
    return enqueue(init, { queue, slot, wake })
  }
  return {
    slot,
    wake,
    end,
    submit,
    alone: async <T>(work: () => Promise<T>, signal?: AbortSignal) => {
      const done = await submit({ kind: 'alone', caller: NO_CALLER, signal, work })
      return done as T
    },
    drain: () => {
      if (!isPumping && queue.size === 0) return Promise.resolve()
      return new Promise((resolve) => idle.push(resolve))
    },
  }
}

/** Belongs to no handle. */
export const NO_CALLER: number = 0

function enqueue<T>(
  init: TaskInit<T>,
  {
    queue,
    slot,
    wake,
  }: {
    readonly queue: ReturnType<typeof createTaskQueue>
    readonly slot: Slot
    readonly wake: () => void
  },
): Promise<T> {
  const { signal, transaction } = init
  return new Promise<T>((resolve, reject) => {
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
    wake()
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
const OWN_REASONS: readonly string[] = ['ErrPoisoned', 'ErrSuperseded', 'ErrForked', 'ErrDiverged']

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
