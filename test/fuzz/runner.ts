/** Runner: a child that does the work, and an eye on it.
 *  Keeps: a child that stands still on one input for too long is killed, and so named is every input with
 *  which a child died; the next order gets a new child. */

import { type ChildProcess, fork } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Order, Outcome, Reply } from './protocol.ts'

/** Generous, because machines do other things too; what is merely slow, the child says itself. */
const HANG_MS = 15_000
const WATCH_MS = 500
const START_MS = 60_000
/** Megabytes of the child's old generation: a decoder that gathers without limit dies of it. */
const HEAP_MB = 192

export type RunnerOptions = {
  readonly hangMs?: number
  /** A module with a list `TARGETS`. */
  readonly targets?: URL
  /** Keeps what a dying child prints to itself. */
  readonly isQuiet?: boolean
}

export type Runner = {
  run(order: Order): Promise<Outcome>
  close(): void
}

export function createRunner(options: RunnerOptions = {}): Runner {
  const { hangMs = HANG_MS, isQuiet = false } = options
  const { targets = new URL('./targets.ts', import.meta.url) } = options
  const folder = mkdtempSync(join(tmpdir(), 'constellite-fuzz-notes-'))
  const notebook = join(folder, 'input')
  let running: ChildProcess | undefined
  return {
    async run(order) {
      running ??= await start(notebook, targets, isQuiet)
      const outcome = await runOn(running, { order, notebook, hangMs })
      if (outcome.isOver) running = undefined
      return outcome.outcome
    },
    close() {
      running?.kill('SIGKILL')
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

function start(notebook: string, targets: URL, isQuiet: boolean): Promise<ChildProcess> {
  const loader = new URL('../../scripts/typescript.mjs', import.meta.url).href
  const path = fileURLToPath(new URL('./child.ts', import.meta.url))
  const child = fork(path, [notebook, targets.href], {
    execArgv: [`--max-old-space-size=${HEAP_MB}`, '--expose-gc', '--import', loader],
    serialization: 'advanced',
    stdio: isQuiet
      ? ['ignore', 'ignore', 'ignore', 'ipc']
      : ['inherit', 'inherit', 'inherit', 'ipc'],
  })
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => end(new Error('the child did not start in time')), START_MS)
    const onExit = (): void => end(new Error('the child ended before it was ready'))
    const end = (error: Error | undefined): void => {
      clearTimeout(timer)
      child.off('exit', onExit)
      if (error === undefined) resolve(child)
      else {
        child.kill('SIGKILL')
        reject(error)
      }
    }
    child.once('exit', onExit)
    child.once('message', () => end(undefined))
  })
}

type Watched = { readonly order: Order; readonly notebook: string; readonly hangMs: number }

async function runOn(
  child: ChildProcess,
  { order, notebook, hangMs }: Watched,
): Promise<{ readonly outcome: Outcome; readonly isOver: boolean }> {
  const startedAt = performance.now()
  const last = { counter: -1, at: performance.now() }
  let hung = false
  const watch = setInterval(() => {
    const { counter } = readNotebook(notebook)
    if (counter !== last.counter) Object.assign(last, { counter, at: performance.now() })
    if (performance.now() - last.at < hangMs) return
    hung = true
    child.kill('SIGKILL')
  }, WATCH_MS)
  try {
    const reply = await replyOf(child, order)
    if (typeof reply !== 'string') return { outcome: reply, isOver: false }
    const { counter, input } = readNotebook(notebook)
    const behaviour = hung ? `hung: no answer in ${hangMs} ms` : `died: ${reply}`
    const elapsedMs = performance.now() - startedAt
    const breaches = [{ input, behaviour }]
    const outcome = {
      type: 'done',
      executions: counter,
      elapsedMs,
      behaviours: 0,
      found: [],
    } as const
    return { outcome: { ...outcome, breaches }, isOver: true }
  } finally {
    clearInterval(watch)
  }
}

/** The outcome, or how the child ended. */
function replyOf(child: ChildProcess, order: Order): Promise<Outcome | string> {
  return new Promise((resolve, reject) => {
    const onExit = (code: number | null, signal: string | null): void => {
      child.off('message', onMessage)
      resolve(signal ?? `exit code ${code}`)
    }
    const onMessage = (reply: Reply): void => {
      child.off('exit', onExit)
      if (reply.type === 'done') resolve(reply)
      else reject(new Error(reply.type === 'failed' ? reply.message : 'an unexpected reply'))
    }
    child.once('exit', onExit)
    child.once('message', onMessage)
    child.send(order)
  })
}

function readNotebook(path: string): { readonly counter: number; readonly input: Uint8Array } {
  const bytes = readFileSync(path)
  if (bytes.byteLength < 8) return { counter: 0, input: new Uint8Array(0) }
  const size = bytes.readUInt32BE(4)
  return { counter: bytes.readUInt32BE(0), input: new Uint8Array(bytes.subarray(8, 8 + size)) }
}
