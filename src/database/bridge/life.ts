/** Life of a worker as the page sees it: the events that say it could not start or has stopped.
 *  Keeps: the first reason is the one that is told; each names the worker's URL and the likely cause.
 *  An error that nobody in the worker caught counts as its end: what it left undone cannot be known. */

import { ConstelliteError } from '../../base/failure.ts'

/** What `Worker` is, as far as this needs it. */
export type WorkerEvents = {
  addEventListener(type: string, listener: (event: Event) => void): void
}

export type WorkerLife = {
  /** Resolves, once, when the worker is lost. */
  readonly lost: Promise<ConstelliteError>
  lose(failure: ConstelliteError): void
  /** The result of `work`, or the reason why it will never come. */
  race<T>(work: Promise<T>): Promise<T>
}

export function watchLife(worker: WorkerEvents, url: string): WorkerLife {
  let lose: (failure: ConstelliteError) => void = () => undefined
  const lost = new Promise<ConstelliteError>((resolve) => {
    lose = resolve
  })
  worker.addEventListener('error', (event) => {
    event.preventDefault()
    // Errors of the script have a message; a script that could not be loaded has none.
    const { message } = event as { readonly message?: string }
    lose(message ? threw(url, message) : notLoaded(url, undefined))
  })
  worker.addEventListener('messageerror', () => lose(threw(url, 'a message could not be read')))
  return {
    lost,
    lose,
    race: (work) =>
      new Promise((resolve, reject) => {
        work.then(resolve, reject)
        lost.then(reject)
      }),
  }
}

function workerFailed(
  url: string,
  told: { readonly message: string; readonly hint: string; readonly cause?: unknown },
): ConstelliteError {
  return new ConstelliteError({ code: 'ErrWorkerFailed', retry: 'later', facts: { url }, ...told })
}

/** The script is missing, or the platform did not want it. */
export function notLoaded(url: string, cause: unknown): ConstelliteError {
  return workerFailed(url, {
    message: `The worker ${url} could not be loaded.`,
    hint: 'Likely: the file is not there (404), is not served as JavaScript, or the Content-Security-Policy lacks worker-src. A bundler may need the option `worker`.',
    cause,
  })
}

export function threw(url: string, message: string): ConstelliteError {
  return workerFailed(url, {
    message: `The worker ${url} stopped: ${message}`,
    hint: 'Open the database again: what was answered is kept.',
  })
}

export function silent(url: string, timeoutMs: number): ConstelliteError {
  return workerFailed(url, {
    message: `The worker ${url} did not answer within ${timeoutMs} ms.`,
    hint: 'Likely: the file is another script than Constellite’s worker, or it waits for something while it starts. A worker of your own calls serve() from "constellite/worker".',
  })
}

export function died(url: string): ConstelliteError {
  return workerFailed(url, {
    message: `The worker ${url} is gone.`,
    hint: 'Likely: it was terminated, or the platform ended it for lack of memory. Open the database again: what was answered is kept.',
  })
}

export function otherBuild(
  url: string,
  protocols: { readonly page: number; readonly worker: number },
): ConstelliteError {
  return workerFailed(url, {
    message: `The worker ${url} is of another version (protocol ${protocols.worker}, the page has ${protocols.page}).`,
    hint: 'Likely: a cached copy. Reload the page, or serve both files from one build.',
  })
}
