/** A vitest reporter that writes what the runner adds up: how many passed and failed, and every skip with
 *  its reason, as JSON into the file named by CONSTELLITE_TALLY. */

import { writeFileSync } from 'node:fs'
import type { SerializedError } from 'vitest'
import type { Reporter, TestModule } from 'vitest/node'
import type { Proof, Skip, Tally } from './tally.ts'

export function createTallyReporter(path: string): Reporter {
  return {
    onTestRunEnd(modules: readonly TestModule[], unhandled: readonly SerializedError[]): void {
      const total: Total = { passed: 0, failed: unhandled.length, skips: [], proofs: [] }
      for (const module of modules) addModule(module, total)
      const tally: Tally = total
      writeFileSync(path, JSON.stringify(tally))
    },
  }
}

type Total = { passed: number; failed: number; skips: Skip[]; proofs: Proof[] }

function addModule(module: TestModule, total: Total): void {
  // A file that cannot be loaded has no tests to fail.
  if (module.errors().length > 0) total.failed++
  for (const test of module.children.allTests()) {
    const result = test.result()
    if (result.state === 'passed') total.passed++
    else if (result.state === 'skipped') {
      total.skips.push({ name: test.fullName, reason: result.note ?? '' })
    } else total.failed++
  }
  if (!module.relativeModuleId.startsWith('test/conformance/')) return
  for (const suite of module.children.suites()) {
    const ok = suite.ok() && suite.state() === 'passed'
    total.proofs.push({ group: suite.name, project: module.project.name, ok })
  }
}
