/** `node --import ./scripts/typescript.mjs test/kill/main.ts <part> [--seed N] [--rounds N] [--from N]`: real
 *  processes or pages are killed, and nothing that was acknowledged may be lost.
 *  Ends with one line of counts; where CONSTELLITE_TALLY names a file, the runner reads them there. */

import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { packedAt, packedFolder } from '../support/packed.ts'
import { createProcessRounds } from './processes.ts'
import { bundleProgram } from './programs.ts'
import { type Rounds, runRounds } from './rounds.ts'

const OPTIONS = {
  seed: { type: 'string', default: '1' },
  rounds: { type: 'string', default: '20' },
  from: { type: 'string', default: '1' },
} as const

const PARTS: Readonly<{ [part: string]: (folder: string) => Promise<Rounds> }> = { processes }

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({ options: OPTIONS, allowPositionals: true })
  const [part = ''] = positionals
  const make = PARTS[part]
  if (make === undefined) throw new Error(`no part "${part}": ${Object.keys(PARTS).join(', ')}`)
  const seed = numberOf(values.seed)
  const from = numberOf(values.from)
  const to = from + numberOf(values.rounds) - 1
  const folder = mkdtempSync(join(tmpdir(), 'constellite-kill-'))
  try {
    const tally = await runRounds(await make(folder), { part, seed, from, to })
    const path = process.env['CONSTELLITE_TALLY']
    if (path !== undefined) writeFileSync(path, JSON.stringify(tally))
    if (tally.failed > 0) process.exitCode = 1
  } finally {
    rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 })
  }
}

/** The program lies where `constellite` is the packed package. */
async function processes(folder: string): Promise<Rounds> {
  const { project } = packedAt(await packedFolder())
  symlinkSync(join(project, 'node_modules'), join(folder, 'node_modules'))
  const program = join(folder, 'program.mjs')
  writeFileSync(program, await bundleProgram('node', 'node'))
  const command = join(project, 'node_modules/constellite/dist/cli/main.js')
  return createProcessRounds({ program, command, folder })
}

function numberOf(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new Error(`${text} is not a positive number`)
  return Number(text)
}

await main()
