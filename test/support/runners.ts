/** Runners: programs, scripts and vitest's projects as parts of `npm test`, each with its count.
 *  Keeps: what one prints comes as one block when it has ended, so that two that run side by side do not mix. */

import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { BrowserFound } from './find-browser.ts'
import { runProgram, runTypeScript } from './program.ts'
import { NOTHING, parseTally, type Tally } from './tally.ts'

export async function script(name: string): Promise<Tally> {
  const status = await command(name, 'npm', ['run', '--silent', name])
  return status === 0 ? { ...NOTHING, passed: 1 } : { ...NOTHING, failed: 1 }
}

/** A program of the repository's own, in TypeScript. */
export async function program(name: string, ...parameters: readonly string[]): Promise<Tally> {
  const loader = ['--import', './scripts/typescript.mjs']
  const status = await command(name, process.execPath, [...loader, ...parameters])
  return status === 0 ? { ...NOTHING, passed: 1 } : { ...NOTHING, failed: 1 }
}

/** Rounds that kill processes or pages, each counted as a test. */
export async function killRounds(part: string, rounds: number): Promise<Tally> {
  const { output } = await runTypeScript('test/kill/main.ts', [part, '--rounds', `${rounds}`])
  process.stdout.write(`\n== kill: ${part}\n${output}`)
  return parseTally(output) ?? { ...NOTHING, failed: 1 }
}

/** Rounds in which tabs lose the owner of their database, each counted as a test. */
export async function tabRounds(
  name: string,
  browser: string,
  found: BrowserFound,
): Promise<Tally> {
  if (found.path === undefined) return { ...NOTHING, skips: [{ name, reason: found.reason }] }
  const { output } = await runTypeScript('test/tabs/main.ts', [browser])
  process.stdout.write(`\n== ${name}\n${output}`)
  return parseTally(output) ?? { ...NOTHING, failed: 1 }
}

export async function vitest(name: string): Promise<Tally> {
  const folder = mkdtempSync(join(tmpdir(), 'constellite-tally-'))
  try {
    const path = join(folder, 'tally.json')
    const parameters = ['node_modules/vitest/vitest.mjs', 'run', '--project', name]
    const status = await command(name, process.execPath, parameters, { CONSTELLITE_TALLY: path })
    return judge(name, status, path)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function judge(name: string, status: number, path: string): Tally {
  if (!existsSync(path)) {
    console.error(`${name}: vitest ended with ${status} before it ran a test`)
    return { ...NOTHING, failed: 1 }
  }
  const tally = JSON.parse(readFileSync(path, 'utf8')) as Tally
  const count = tally.passed + tally.failed + tally.skips.length
  if (count === 0) console.error(`${name}: there was no test to run`)
  const isSilentFailure = (status !== 0 || count === 0) && tally.failed === 0
  return isSilentFailure ? { ...tally, failed: 1 } : tally
}

/** Runs a program; its output follows as one block when it ends, so that two do not mix. */
export async function command(
  name: string,
  program: string,
  parameters: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<number> {
  const { status, output } = await runProgram(program, parameters, { environment })
  process.stdout.write(`\n== ${name}\n${output}`)
  return status
}
