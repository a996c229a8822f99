/** Start: a worker, its hello within a deadline, then one database in it.
 *  Keeps: a worker that is missing, refused, silent, of another build, or dies, rejects what waits for
 *  it with ErrWorkerFailed, and is ended.
 *  A worker that the platform kills makes no event: where there are locks it holds one, which the page
 *  is given when the worker is gone. */

import { type ConstelliteError, failureOf } from '../../base/failure.ts'
import type { Host } from '../../base/host.ts'
import { formatHex } from '../../bytes/text.ts'
import type { OpenOptions } from '../options.ts'
import { type ClientCore, createClientCore } from './client.ts'
import { createExchange, failExchange } from './exchange.ts'
import { reviveFailure } from './failure.ts'
import { died, notLoaded, otherBuild, silent, type WorkerLife, watchLife } from './life.ts'
import {
  type Control,
  type Opened,
  type PlainResult,
  PROTOCOL,
  type TabIdentity,
} from './protocol.ts'
import { callControl } from './remote.ts'

/** Loading the script over a slow line is part of it. */
export const HELLO_MS = 30_000
const LOCK_NAME_BYTES = 16

export type StartedWorker = {
  readonly worker: Worker
  /** For the messages of failures. */
  readonly url: string
}

/** How the user wants the worker made, if in no way of ours. */
export type WorkerChoice = Pick<OpenOptions, 'worker'>

export type WorkerParts = {
  readonly host: Host
  /** Makes the worker; what it throws means that it was refused. */
  start(options: WorkerChoice): StartedWorker
  channel(): MessageChannel
  /** Resolves when the lock of this name is free: whoever held it is gone. */
  readonly whenFree: ((lock: string, signal: AbortSignal) => Promise<void>) | undefined
}

export type WorkerOpening = {
  readonly name: string
  readonly options: OpenOptions
  readonly onProgress: (fraction: number) => void
}

export type StartedDatabase = {
  readonly core: Promise<ClientCore>
  /** Ends the worker, whatever it does; `core` rejects with this unless it was there already. */
  end(failure: ConstelliteError): void
}

/** Opens a database in a worker of its own. */
export function startDatabase(
  parts: WorkerParts,
  opening: WorkerOpening,
  tab: TabIdentity,
): StartedDatabase {
  const { worker, url } = startWorker(parts, opening.options)
  const life = watchLife(worker, url)
  const stopping = new AbortController()
  const end = (): void => {
    stopping.abort()
    worker.terminate()
  }
  const open = async (): Promise<ClientCore> => {
    const control = callControl(worker)
    await greet(control, { parts, life, url, signal: stopping.signal })
    const { port1, port2 } = parts.channel()
    const exchange = createExchange(port1, opening.onProgress)
    life.lost.then((failure) => {
      failExchange(exchange, failure)
      end()
    })
    const { worker: _, ...plain } = opening.options
    const opened = await life.race<PlainResult<Opened>>(
      control.open(opening.name, plain, tab, port2),
    )
    if (!opened.ok) throw reviveFailure(opened.failure)
    return createClientCore(exchange, opened.value, end)
  }
  const core = open().catch((error) => {
    end()
    throw failureOf(error)
  })
  // Told to whoever waits for it; one that was ended has nobody.
  core.catch(() => undefined)
  return {
    core,
    end: (failure) => {
      life.lose(failure)
      end()
    },
  }
}

/** Deletes a database in a worker of its own, which ends with it. */
export async function removeInWorker(
  parts: WorkerParts,
  name: string,
  options: WorkerChoice & { readonly kernelUrl?: string },
): Promise<boolean> {
  const { worker, url } = startWorker(parts, options)
  const life = watchLife(worker, url)
  const stopping = new AbortController()
  try {
    const control = callControl(worker)
    await greet(control, { parts, life, url, signal: stopping.signal })
    const removed = await life.race<PlainResult<boolean>>(control.remove(name, options.kernelUrl))
    if (!removed.ok) throw reviveFailure(removed.failure)
    return removed.value
  } catch (error) {
    throw failureOf(error)
  } finally {
    stopping.abort()
    worker.terminate()
  }
}

function startWorker(parts: WorkerParts, options: WorkerChoice): StartedWorker {
  try {
    return parts.start(options)
  } catch (error) {
    throw notLoaded(options.worker === undefined ? 'of this package' : 'of option `worker`', error)
  }
}

type Greeting = {
  readonly parts: WorkerParts
  readonly life: WorkerLife
  readonly url: string
  readonly signal: AbortSignal
}

async function greet(control: Control, greeting: Greeting): Promise<void> {
  const { parts, life, url, signal } = greeting
  const { host, whenFree } = parts
  const lock = `constellite worker ${formatHex(host.random(LOCK_NAME_BYTES))}`
  const deadline = host.setTimer(HELLO_MS, () => life.lose(silent(url, HELLO_MS)))
  try {
    const { protocol, isLocked } = await life.race(control.hello(lock))
    if (protocol !== PROTOCOL) throw otherBuild(url, { page: PROTOCOL, worker: protocol })
    if (!isLocked || whenFree === undefined) return
    // Rejects when the page itself is done with the worker.
    whenFree(lock, signal).then(
      () => life.lose(died(url)),
      () => undefined,
    )
  } finally {
    deadline.cancel()
  }
}
