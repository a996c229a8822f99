/** Runs the conformance suite on the packed package in a page of WebKitGTK that nobody drives, with its profile
 *  on disk, so that IndexedDB is the one that people have; a driven one keeps it in memory.  Then the suites of
 *  the seams that are this platform's: device, keys and signer, encryption.
 *  Keeps: a page that hangs or dies is a failure that says what was the last to end. */

import { pageModules } from '../platform/page-modules.ts'
import { packedAt } from '../support/packed.ts'
import { bundlePortable } from '../support/portable/bundle.ts'
import { CONFORMANCE_TESTS } from '../support/portable/files.ts'
import { readReport, tallyOfReport } from '../support/portable/report.ts'
import { startRelayProcess } from '../support/relay-process.ts'
import type { Tally } from '../support/tally.ts'
import { startWebkit } from './browser.ts'
import { serveVisits } from './visits.ts'

const TESTS = [
  ...CONFORMANCE_TESTS,
  ...['bridge', 'tabs'].map((it) => `test/conformance/browser/${it}.test.ts`),
  ...['storage-indexeddb', 'identity', 'encryptor'].map(
    (it) => `test/browser/${it}.browser.test.ts`,
  ),
]
/** It takes 35 s of a quiet machine. */
const RUN_MS_MAX = 180_000

/** `packed` is the folder that pack() made. */
export async function runInWebkit(packed: string): Promise<Tally> {
  const relay = await startRelayProcess(packedAt(packed).project)
  const visits = await serveVisits({ packed, modules: { 'tests.js': await bundleTests() } })
  const webkit = await startWebkit()
  try {
    const provided = JSON.stringify({ packedFolder: packed, relayUrl: relay.url })
    const visit = visits.add(`await (await import('/tests.js')).runHere(${provided}, say)`)
    const browser = webkit.browse(visit.url)
    const ending = await Promise.race([visit.ended.then(() => 'all told'), browser.ended, late()])
    const report = readReport(visit.lines.join('\n'), ending)
    for (const { file, path, state, error } of report.results) {
      if (state === 'failed') console.error(`FAIL ${file} ${path.join(' > ')}\n${error}\n`)
    }
    return tallyOfReport(report, 'webkit')
  } finally {
    await webkit.close()
    await visits.close()
    await relay.stop()
  }
}

function bundleTests(): Promise<string> {
  return bundlePortable({
    program: 'test/webkit/program.ts',
    tests: TESTS,
    place: 'test/conformance/place-webkit.ts',
    platform: 'browser',
    external: [/^constellite($|\/)/],
    plugins: [pageModules()],
  })
}

function late(): Promise<string> {
  return new Promise((resolve) => {
    setTimeout(() => resolve('it took too long'), RUN_MS_MAX).unref()
  })
}
