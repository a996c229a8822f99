/** Child processes for tests: bundles a TypeScript entry, which Node 20 cannot run as it is, and
 *  starts it.  Keeps: every child is dead when its test is over. */

import { type ChildProcess, spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { createInterface } from 'node:readline'
import { build } from 'rolldown'
import { onTestFinished } from 'vitest'
import { temporaryDirectory } from './temporary-directory.ts'

export type TestChild = {
  readonly process: ChildProcess
  /** The next line that the child prints; rejects with what it wrote to stderr when it ends before. */
  line(): Promise<string>
  /** Resolves with the exit code, or the signal's name. */
  readonly ended: Promise<number | string>
}

const bundles = new Map<string, Promise<string>>()

/** Starts the TypeScript file `entry` with these arguments. */
export async function startChild(entry: string, ...args: readonly string[]): Promise<TestChild> {
  let bundle = bundles.get(entry)
  if (bundle === undefined) {
    bundle = bundleEntry(entry)
    bundles.set(entry, bundle)
  }
  const file = join(temporaryDirectory(), `${basename(entry, '.ts')}.mjs`)
  writeFileSync(file, await bundle)
  const child = spawn(process.execPath, [file, ...args], { stdio: 'pipe' })
  onTestFinished(() => void child.kill('SIGKILL'))
  let errors = ''
  child.stderr.on('data', (data) => {
    errors += data
  })
  const ended = new Promise<number | string>((resolve) => {
    child.on('exit', (code, signal) => resolve(code ?? signal ?? 'unknown'))
  })
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
  const line = async (): Promise<string> => {
    const next = await lines.next()
    if (next.done) throw new Error(`The child ended (${await ended}): ${errors}`)
    return next.value
  }
  return { process: child, line, ended }
}

/** The code of the entry and of all that it imports but packages of Node. */
async function bundleEntry(entry: string): Promise<string> {
  const { output } = await build({
    input: entry,
    platform: 'node',
    logLevel: 'warn',
    write: false,
    output: { format: 'esm', codeSplitting: false },
  })
  return output[0].code
}
