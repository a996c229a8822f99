/** Runs inside one object of workerd: the conformance suite on the shipped files, the tests of `inside`, and the
 *  portable tests of the sources; adds them up.
 *  Keeps: a run that does not answer is a failure that says what workerd printed. */

import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { packedAt } from '../support/packed.ts'
import { CONFORMANCE_TESTS, PORTABLE_TESTS } from '../support/portable/files.ts'
import { type Report, tallyOfReport } from '../support/portable/report.ts'
import { startRelayProcess } from '../support/relay-process.ts'
import type { Tally } from '../support/tally.ts'
import { bundleWorkerd } from './bundle.ts'
import type { PublishedVectors } from './provided.ts'
import { edgeModules, startWorkerd } from './serve.ts'

const INSIDE_TESTS: readonly string[] = ['crypto', 'device', 'open', 'transport'].map(
  (name) => `test/workerd/inside/${name}.test.ts`,
)

/** They compile WebAssembly, read vectors from a disk or sign with node:crypto: inside/crypto.test.ts has what
 *  of them workerd can do. */
const NOT_HERE =
  /\/(kernel|kernel-vectors|encryptor-passphrase|crypto-signer|crypto-verify)\.test\.ts$/

const RUN_MS_MAX = 180_000

/** `packed` is the folder that pack() made. */
export async function runInWorkerd(packed: string): Promise<Tally> {
  const { project } = packedAt(packed)
  const folder = mkdtempSync(join(tmpdir(), 'constellite-workerd-'))
  const portable = PORTABLE_TESTS.filter((path) => !NOT_HERE.test(path))
  const program = await bundleWorkerd([...CONFORMANCE_TESTS, ...INSIDE_TESTS, ...portable])
  const relay = await startRelayProcess(project)
  try {
    const workerd = await startWorkerd({ program, modules: edgeModules(project), folder })
    try {
      const provided = {
        relayUrl: relay.url,
        nobodyUrl: await nobodyUrl(),
        publishedVectors: readVectors(),
      }
      return judge(await ask(`${workerd.url}/tests/one`, provided))
    } finally {
      await workerd.kill()
    }
  } finally {
    await relay.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

async function ask(url: string, provided: object): Promise<Report> {
  const signal = AbortSignal.timeout(RUN_MS_MAX)
  const response = await fetch(url, { method: 'POST', body: JSON.stringify(provided), signal })
  const text = await response.text()
  if (!response.ok) throw new Error(`the object answered ${response.status}: ${text}`)
  return JSON.parse(text)
}

function judge(report: Report): Tally {
  for (const { file, path, state, error } of report.results) {
    if (state === 'failed') console.error(`FAIL ${file} ${path.join(' > ')}\n${error}\n`)
  }
  return tallyOfReport(report, 'workerd')
}

/** Of a port that was free a moment ago. */
async function nobodyUrl(): Promise<string> {
  const probe = createServer()
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve))
  const address = probe.address()
  await new Promise((resolve) => probe.close(resolve))
  if (address === null || typeof address === 'string') throw new Error('no port was free')
  return `ws://127.0.0.1:${address.port}`
}

/** Published files, which are not in the repository. */
function readVectors(): PublishedVectors | null {
  const data =
    process.env['CONSTELLITE_TEST_DATA'] ??
    fileURLToPath(new URL('../../../shared/data', import.meta.url))
  if (!existsSync(`${data}/crypto`)) return null
  const read = (name: string): never =>
    JSON.parse(readFileSync(`${data}/crypto/${name}.json`, 'utf8')) as never
  return {
    blake3: read('blake3'),
    zip215: read('ed25519-zip215'),
    wycheproof: read('wycheproof-ed25519'),
  }
}
