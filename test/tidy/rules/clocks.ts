/** Time, timers, randomness and output come from the Host or a sink: outside the rooms that may touch
 *  everything, and files that the table names, nothing reads a clock, sleeps, rolls dice or prints.
 *  Unit tests may look at the clock and print, but neither sleep nor roll dice without a seed. */

import { type GlobalUse, globalsUsed } from '../globals.ts'
import { type Problem, type Repository, type Rule, roomOf } from '../source.ts'

const INSTEAD: Readonly<Record<string, string>> = {
  'Date.now': 'host.now()',
  'new Date()': 'new Date(host.now())',
  'Math.random': 'host.random()',
  'performance.now': 'host.monotonicNow()',
  'Atomics.wait': 'a promise: nothing blocks',
  setTimeout: 'host.setTimer()',
  setInterval: 'host.setTimer()',
  setImmediate: 'host.defer()',
  queueMicrotask: 'host.defer(), or a settled promise',
  console: 'a telemetry sink, or the caller',
}

const NOT_IN_TESTS = new Set(['Math.random', 'Atomics.wait', 'setTimeout', 'setInterval'])

export const clocks: Rule = {
  name: 'clocks',
  check(repository) {
    const problems: Problem[] = []
    for (const source of repository.sources.values()) {
      const isTest = /^test\/unit\//.test(source.path)
      if (!isTest && !/^(src|workers)\//.test(source.path)) continue
      const allowed = allowedIn(repository, source.path)
      if (allowed === 'everything') continue
      for (const use of globalsUsed(source.program)) {
        const what = forbidden(use)
        if (what === undefined || allowed.has(use.name)) continue
        if (isTest && !NOT_IN_TESTS.has(what)) continue
        const message = `${what} does not belong here: use ${INSTEAD[what]}`
        problems.push({ path: source.path, line: source.lineAt(use.start), message })
      }
    }
    return problems
  },
}

function forbidden(use: GlobalUse): string | undefined {
  if (use.name === 'Date' && use.emptyNew) return 'new Date()'
  const dotted = use.member === undefined ? use.name : `${use.name}.${use.member}`
  if (dotted in INSTEAD) return dotted
  return use.name in INSTEAD ? use.name : undefined
}

function allowedIn(repository: Repository, path: string): 'everything' | ReadonlySet<string> {
  const name = roomOf(path)
  const room = repository.rooms.find((it) => it.name === name)
  if (room === undefined) return new Set()
  if (room.mayTouch === 'everything') return 'everything'
  return room.mayTouch.get(path.replace(`src/${room.name}/`, '')) ?? new Set()
}
