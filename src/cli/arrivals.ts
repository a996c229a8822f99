/** Arrivals: what `replicate` waits for on the copy that it follows with.
 *  Keeps: what was written is never taken for newer than it is; a wait ends when the user wants, when the
 *  copy stopped, or when nothing has come for too long, however often its connection comes and goes.
 *  Never: leaves a timer or a listener behind a wait that is over. */

import { ConstelliteError } from '../base/failure.ts'
import { delay, type Host } from '../base/host.ts'
import type { Database, Status } from '../database/types.ts'
import type { Terminal } from './command.ts'

export type Arrivals = {
  readonly db: Pick<Database, 'status' | 'onStatus'>
  readonly host: Host
  readonly terminal: Terminal
}

/** The file is written again at most this often. */
const WRITE_EVERY_MS = 1000

/** Waits until nothing that the relay has is missing here; false when the user ended it.  Rejects with
 *  ErrTimeout when nothing has arrived for `waitMs`. */
export async function isInStep(arrivals: Arrivals, waitMs: number): Promise<boolean> {
  const { db, host, terminal } = arrivals
  let told = ''
  let newest = standingOf(db.status)
  let movedAtMs = host.monotonicNow()
  while (!isComplete(db.status)) {
    const line = describe(db.status)
    if (line !== told) terminal.note(line)
    told = line
    const nowMs = host.monotonicNow()
    const standing = standingOf(db.status)
    if (isFurther(standing, newest)) {
      newest = standing
      movedAtMs = nowMs
    }
    const leftMs = movedAtMs + waitMs - nowMs
    if (leftMs <= 0) throw standstill(db.status, waitMs)
    await nextStatus(arrivals, leftMs)
    if (terminal.interrupted.aborted) return false
  }
  return true
}

/** Writes now, and again after whatever arrives, until the user ends it; rejects when the copy stopped. */
export async function writeAfterEach(
  arrivals: Arrivals,
  write: () => Promise<void>,
): Promise<void> {
  const { db, host, terminal } = arrivals
  const { interrupted } = terminal
  while (!interrupted.aborted) {
    // What arrives while it is being written may be missing in it.
    const { seq } = db.status
    await write()
    while (db.status.seq === seq && !interrupted.aborted) await nextStatus(arrivals)
    // Aborted is what the loop asks next.
    await delay(host, WRITE_EVERY_MS, interrupted).catch(() => undefined)
  }
}

/** Resolves at the next status, after `waitMs` without any, or when the user ends it; rejects when the
 *  database stopped. */
function nextStatus(arrivals: Arrivals, waitMs?: number): Promise<void> {
  const { db, host, terminal } = arrivals
  const { interrupted } = terminal
  return new Promise((resolve, reject) => {
    const settle = (): void => {
      timer?.cancel()
      unsubscribe()
      interrupted.removeEventListener('abort', settle)
      const failure = haltOf(db.status)
      if (failure === undefined || interrupted.aborted) resolve()
      else reject(failure)
    }
    const unsubscribe = db.onStatus(settle)
    const timer = waitMs === undefined ? undefined : host.setTimer(waitMs, settle)
    interrupted.addEventListener('abort', settle, { once: true })
    if (interrupted.aborted || haltOf(db.status) !== undefined) settle()
  })
}

function isComplete({ sync, seq }: Status): boolean {
  return sync.state === 'live' && sync.pending === 0 && seq > 0n
}

type Standing = { readonly seq: bigint; readonly progress: number }

function standingOf({ seq, sync }: Status): Standing {
  return { seq, progress: sync.progress ?? 0 }
}

/** A relay that accepts and hangs up, or begins the same snapshot again and again, brings nothing. */
function isFurther(standing: Standing, than: Standing): boolean {
  if (standing.seq !== than.seq) return standing.seq > than.seq
  return standing.progress > than.progress
}

function haltOf({ failure, sync }: Status): ConstelliteError | undefined {
  if (failure !== undefined) return failure
  return sync.state === 'halted' ? sync.failure : undefined
}

function describe({ sync, seq }: Status): string {
  const at = seq > 0n ? `, at seq ${seq}` : ''
  const part = sync.progress === undefined ? '' : ` ${Math.floor(sync.progress * 100)} %`
  const why = sync.failure === undefined ? '' : ` (${sync.failure.message})`
  return `${sync.state}${part}${at}${why}`
}

function standstill(status: Status, waitMs: number): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrTimeout',
    message: `Nothing has arrived for ${waitMs / 1000} s; the last word was "${describe(status)}".`,
    hint: 'Check that the relay runs and has this database, or wait longer with --wait.',
    retry: 'later',
    cause: status.sync.failure,
  })
}
