/** The tidy test: reads the repository, applies every rule, prints what it finds, one line each.
 *  Its rules are tried on bad samples by test/unit/tidy.test.ts. */

import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { rules } from './rules.ts'
import { createRepository } from './source.ts'

/** Text that no rule reads is only known to exist. */
const READ = /\.(ts|mjs|js|md|html|css|json)$/

export function readRepository(): ReadonlyMap<string, string> {
  const listed = execFileSync('git', [
    'ls-files',
    '-z',
    '--cached',
    '--others',
    '--exclude-standard',
  ])
  const texts = new Map<string, string>()
  for (const path of listed.toString().split('\0')) {
    if (path === '' || !existsSync(path)) continue
    texts.set(path, READ.test(path) ? readFileSync(path, 'utf8') : '')
  }
  return texts
}

const repository = createRepository(readRepository())
let count = 0
for (const rule of rules) {
  for (const { path, line, message } of rule.check(repository)) {
    count++
    console.error(`${path}:${line} [${rule.name}] ${message}`)
  }
}
if (count > 0) {
  console.error(`tidy: ${count} problems`)
  process.exitCode = 1
} else {
  console.log(`tidy: ${repository.sources.size} modules, ${rules.length} rules, no problem`)
}
