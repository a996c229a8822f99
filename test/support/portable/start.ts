/** Runs the conformance suite and the portable tests of the sources in Deno or Bun, and adds them up.
 *  Keeps: the package is the packed one, found by the runtime itself through the package's `exports`; Deno
 *  gets for it no permission that the README does not name, but to start the second process. */

import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { packedAt } from '../packed.ts'
import { startRelayProcess } from '../relay-process.ts'
import { commandIn, type Runtime } from '../runtimes.ts'
import { addTallies, type Tally } from '../tally.ts'
import { bundlePortable } from './bundle.ts'
import { CONFORMANCE_TESTS, PORTABLE_SYSTEM_TESTS, PORTABLE_TESTS } from './files.ts'
import { type Report, readReport, tallyOfReport } from './report.ts'

declare module 'vitest' {
  export interface ProvidedContext {
    /** The command that opens the database named after it and prints how that went. */
    openElsewhere: readonly string[]
  }
}

const PROGRAM = 'test/support/portable/command.ts'
/** It takes 15 s of a quiet machine. */
const RUN_MS_MAX = 400_000

/** Opens and closes a database in a process of its own. */
export const OPEN_ELSEWHERE: string = `
import { open } from 'constellite'
const answer = (value) => console.log(JSON.stringify(value))
try {
  const db = await open(process.argv[2])
  await db.close()
  answer({ opened: true })
} catch ({ code, facts }) {
  answer({ opened: false, code, facts })
}
`

/** `packed` is the folder that pack() made. */
export async function runPortable(runtime: Runtime, packed: string): Promise<Tally> {
  return addTallies([await runConformance(runtime, packed), await runSources(runtime, packed)])
}

async function runConformance(runtime: Runtime, packed: string): Promise<Tally> {
  const { project } = packedAt(packed)
  const databaseFolder = mkdtempSync(join(tmpdir(), `constellite-${runtime.name}-`))
  const relay = await startRelayProcess(project)
  try {
    const tests = CONFORMANCE_TESTS
    const place = `test/conformance/place-${runtime.name}.ts`
    const external = [/^constellite($|\/)/]
    const module = join(project, `conformance-${runtime.name}.mjs`)
    writeFileSync(module, await bundlePortable({ program: PROGRAM, tests, place, external }))
    const second = join(project, 'open-elsewhere.mjs')
    writeFileSync(second, OPEN_ELSEWHERE)
    const command = commandIn(runtime, [project, databaseFolder])
    const openElsewhere = [...command, second]
    const provided = { relayUrl: relay.url, databaseFolder, packedFolder: packed, openElsewhere }
    const mayStart = runtime.name === 'deno' ? [`--allow-run=${runtime.program}`] : []
    const parameters = [...command, ...mayStart, module, JSON.stringify(provided)]
    return judge(runtime, await runModule(parameters, project))
  } finally {
    await relay.stop()
    rmSync(databaseFolder, { recursive: true, force: true })
  }
}

/** The sources themselves, in one bundle: temporary folders and vectors lie anywhere, so all is allowed. */
async function runSources(runtime: Runtime, packed: string): Promise<Tally> {
  const { project } = packedAt(packed)
  const tests = [...PORTABLE_TESTS, ...PORTABLE_SYSTEM_TESTS]
  const module = join(project, `sources-${runtime.name}.mjs`)
  // It finds its .wasm beside itself.
  const external = ['@sqlite.org/sqlite-wasm']
  writeFileSync(module, await bundlePortable({ program: PROGRAM, tests, external }))
  const { program, parameters } = runtime
  const all = runtime.name === 'deno' ? ['--allow-all'] : []
  return judge(runtime, await runModule([program, ...parameters, ...all, module, '{}'], project))
}

function judge(runtime: Runtime, report: Report): Tally {
  for (const { file, path, state, error } of report.results) {
    if (state === 'failed') console.error(`FAIL ${file} ${path.join(' > ')}\n${error}\n`)
  }
  return tallyOfReport(report, runtime.name)
}

/** The report that the module prints; one that hangs is killed, which its report says. */
function runModule(command: readonly string[], folder: string): Promise<Report> {
  const [program = '', ...parameters] = command
  const environment = { DENO_DIR: join(folder, '.deno'), DENO_NO_UPDATE_CHECK: '1', NO_COLOR: '1' }
  return new Promise((resolve, reject) => {
    const child = spawn(program, parameters, {
      cwd: folder,
      env: { ...process.env, ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const killer = setTimeout(() => child.kill('SIGKILL'), RUN_MS_MAX)
    let output = ''
    let errors = ''
    child.stdout.setEncoding('utf8').on('data', (text) => (output += text))
    child.stderr.setEncoding('utf8').on('data', (text) => (errors += text))
    child.once('error', reject)
    child.once('close', (code, signal) => {
      clearTimeout(killer)
      resolve(readReport(output, `${signal ?? `code ${code}`}\n${errors.slice(-2000)}`))
    })
  })
}
