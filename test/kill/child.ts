/** The parent's side of a process that will be killed.
 *  Keeps: a kill is one by SIGKILL, or the round fails; a child that ends by itself fails the round. */

import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { Answer, Line, Request } from './programs/node.ts'
import type { Report } from './programs/workload.ts'

/** Longer than a child is ever away from its relay, with the backoff that it came to. */
const ANSWER_MS = 30_000

export type Child = {
  /** Sends SIGKILL and resolves when the process is gone; rejects if anything else ended it. */
  kill(): Promise<void>
}

export type ProgramChild = Child & {
  ask(request: Request): Promise<Answer>
}

export type ChildOptions = {
  readonly title: string
  /** Of node. */
  readonly parameters: readonly string[]
  readonly folder: string
  readonly onLine: (line: string) => void
  /** The child ended and nobody killed it. */
  readonly onEnd: (reason: string) => void
}

export function startChild({ title, parameters, folder, onLine, onEnd }: ChildOptions): Child {
  const child = spawn(process.execPath, parameters, { cwd: folder, stdio: 'pipe' })
  return childOf({ title, child, onLine, onEnd }).face
}

export function startProgram(
  options: Omit<ChildOptions, 'onLine'> & { readonly onReport: (report: Report) => void },
): ProgramChild {
  const { title, parameters, folder, onReport } = options
  const child = spawn(process.execPath, parameters, { cwd: folder, stdio: 'pipe' })
  const waiting: { resolve(answer: Answer): void; reject(error: Error): void }[] = []
  const onLine = (text: string): void => {
    // Written by programs/node.ts; a line cut by the kill is no line.
    const line = JSON.parse(text) as Line
    if (line.type === 'answer') waiting.shift()?.resolve(line.answer)
    else onReport(line.report)
  }
  const { face, ended } = childOf({ ...options, child, onLine })
  ended.then((reason) => {
    for (const one of waiting.splice(0)) one.reject(new Error(`${title} ended: ${reason}`))
  })
  return {
    ...face,
    ask: (request) =>
      new Promise((resolve, reject) => {
        const late = setTimeout(() => {
          reject(new Error(`${title} did not answer ${JSON.stringify(request)} in ${ANSWER_MS} ms`))
        }, ANSWER_MS)
        const settle =
          <T>(next: (value: T) => void) =>
          (value: T): void => {
            clearTimeout(late)
            next(value)
          }
        waiting.push({ resolve: settle(resolve), reject: settle(reject) })
        child.stdin?.write(`${JSON.stringify(request)}\n`)
      }),
  }
}

type Held = Pick<ChildOptions, 'title' | 'onLine' | 'onEnd'> & { readonly child: ChildProcess }

function childOf({ title, child, onLine, onEnd }: Held): {
  readonly face: Child
  readonly ended: Promise<string>
} {
  let isKilled = false
  let errors = ''
  child.stderr?.on('data', (chunk: Buffer) => {
    errors += chunk.toString()
  })
  // Writing to a process that has just died is no news.
  child.stdin?.on('error', () => undefined)
  if (child.stdout !== null) createInterface(child.stdout).on('line', guarded(onLine))
  const ended = new Promise<string>((resolve) => {
    child.once('close', (code, signal) => resolve(signal ?? `code ${code}`))
  })
  ended.then((reason) => {
    if (!isKilled) onEnd(`${title} ended by itself with ${reason}:\n${errors}`)
  })
  const kill = async (): Promise<void> => {
    isKilled = true
    child.kill('SIGKILL')
    const reason = await ended
    if (reason !== 'SIGKILL')
      throw new Error(`${title} ended with ${reason}, not SIGKILL:\n${errors}`)
  }
  return { face: { kill }, ended }

  /** The last line of a killed process may be cut. */
  function guarded(take: (line: string) => void): (line: string) => void {
    return (line) => {
      try {
        take(line)
      } catch (error) {
        if (!isKilled) onEnd(`${title} printed ${JSON.stringify(line)}: ${error}`)
      }
    }
  }
}
