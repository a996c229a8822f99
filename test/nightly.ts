/** `npm run test:nightly [-- <part>…]`: what takes too long for `npm test`, one part after another, and one line
 *  at the end.  What follows a part's name with `--` goes on to that part: `-- pages --seed 3 --rounds 1`.
 *  Keeps: a part that fails, or prints no count of its own where it should, is a failure.
 *  Never: writes a file that outlives it. */

import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { packedFolder } from './support/packed.ts'
import { runProgram, runTypeScript } from './support/program.ts'
import {
  addTallies,
  formatSkip,
  formatTally,
  NOTHING,
  parseTally,
  type Tally,
} from './support/tally.ts'

type Part = {
  readonly run: (more: readonly string[]) => Promise<Tally>
}

const show = (text: string): void => void process.stdout.write(text)

/** Parts of `test/kill`, which count their rounds. */
function kill(part: string, rounds: number): Part {
  return {
    run: async (more) => {
      const parameters = [part, '--rounds', `${rounds}`, ...more]
      // Packed once for all parts.
      const environment = { CONSTELLITE_PACKED: await packedFolder() }
      const options = { environment, onText: show }
      const { output } = await runTypeScript('test/kill/main.ts', parameters, options)
      return parseTally(output) ?? { ...NOTHING, failed: 1 }
    },
  }
}

/** The test of that test: a writer that acknowledges before it writes is found out. */
const planted: Part = {
  run: async () => {
    const environment = { CONSTELLITE_PACKED: await packedFolder() }
    const parameters = ['processes', '--planted', '--rounds', '5']
    const { output } = await runTypeScript('test/kill/main.ts', parameters, { environment })
    const isFound = /lost \d+ of \d+ acknowledged batches/.test(output)
    console.log(isFound ? 'the planted lie was found' : output)
    return { ...NOTHING, ...(isFound ? { passed: 1 } : { failed: 1 }) }
  },
}

/** A script of package.json, which passes or fails as one. */
function script(name: string, parameters: readonly string[]): Part {
  return {
    run: async (more) => {
      const all = ['run', '--silent', name, '--', ...parameters, ...more]
      const { status } = await runProgram('npm', all, { onText: show })
      return status === 0 ? { ...NOTHING, passed: 1 } : { ...NOTHING, failed: 1 }
    },
  }
}

/** A project of vitest, which counts its tests. */
function project(name: string): Part {
  return {
    run: async () => {
      const folder = mkdtempSync(join(tmpdir(), 'constellite-nightly-'))
      const path = join(folder, 'tally.json')
      const environment = { CONSTELLITE_PACKED: await packedFolder(), CONSTELLITE_TALLY: path }
      const parameters = ['node_modules/vitest/vitest.mjs', 'run', '--project', name]
      const options = { environment, onText: show }
      try {
        const { status } = await runProgram(process.execPath, parameters, options)
        if (!existsSync(path)) return { ...NOTHING, failed: 1 }
        const tally = JSON.parse(readFileSync(path, 'utf8')) as Tally
        return status !== 0 && tally.failed === 0 ? { ...tally, failed: 1 } : tally
      } finally {
        rmSync(folder, { recursive: true, force: true })
      }
    },
  }
}

const PARTS: Readonly<{ [name: string]: Part }> = {
  planted,
  processes: kill('processes', 200),
  pages: kill('pages', 50),
  'pages-firefox': kill('pages-firefox', 15),
  'indexeddb-firefox': project('indexeddb-firefox'),
  setups: project('setups-nightly'),
  sim: script('sim', ['--mode', 'ordered', '--seed', '1', '--runs', '20000']),
  'sim-tabs': script('sim:tabs', ['--seed', '1', '--runs', '5000', '--turns', '60']),
  fuzz: script('fuzz', ['--seconds', '600']),
}

const GROUPS: Readonly<{ [name: string]: readonly string[] }> = {
  kill: ['processes', 'pages', 'pages-firefox'],
}

async function main(parameters: readonly string[]): Promise<void> {
  const flags = parameters.findIndex((it) => it.startsWith('--'))
  const names = flags < 0 ? parameters : parameters.slice(0, flags)
  const more = flags < 0 ? [] : parameters.slice(flags)
  const chosen = names.length === 0 ? Object.keys(PARTS) : names.flatMap((it) => GROUPS[it] ?? [it])
  const unknown = chosen.filter((it) => PARTS[it] === undefined)
  if (unknown.length > 0) {
    const known = [...Object.keys(GROUPS), ...Object.keys(PARTS)]
    throw new Error(`no part "${unknown}": ${known.join(', ')}`)
  }
  const tallies: Tally[] = []
  for (const name of chosen) {
    console.log(`\n== ${name}`)
    tallies.push((await PARTS[name]?.run(more)) ?? NOTHING)
  }
  const total = addTallies(tallies)
  console.log('')
  for (const skip of total.skips) console.log(formatSkip(skip))
  console.log(formatTally(total))
  if (total.failed > 0) process.exitCode = 1
}

await main(process.argv.slice(2))
