/** Runs a program from the repository's folder and keeps what it prints. */

import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** No colours where nobody looks. */
const PLAIN = { NO_COLOR: '1', FORCE_COLOR: '0' }

export type Ended = { readonly status: number; readonly output: string }

export type ProgramOptions = {
  readonly environment?: Readonly<Record<string, string>>
  /** Called with what it prints, as it prints it. */
  readonly onText?: (text: string) => void
}

export function runProgram(
  program: string,
  parameters: readonly string[],
  { environment = {}, onText }: ProgramOptions = {},
): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, parameters, {
      cwd: ROOT,
      env: { ...process.env, ...(process.stdout.isTTY ? {} : PLAIN), ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const chunks: Buffer[] = []
    const keep = (chunk: Buffer): void => {
      chunks.push(chunk)
      onText?.(chunk.toString())
    }
    child.stdout.on('data', keep)
    child.stderr.on('data', keep)
    child.once('error', reject)
    child.once('close', (status) => {
      resolve({ status: status ?? 1, output: Buffer.concat(chunks).toString() })
    })
  })
}

/** A file of the repository's own TypeScript. */
export function runTypeScript(
  file: string,
  parameters: readonly string[],
  options?: ProgramOptions,
): Promise<Ended> {
  const before = ['--import', './scripts/typescript.mjs', file]
  return runProgram(process.execPath, [...before, ...parameters], options)
}
