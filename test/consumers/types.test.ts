/** The shipped types compile, strictly and with skipLibCheck off, in a project that has only ES2022, in one
 *  with DOM, and in one with Node's types. */

import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, inject, it } from 'vitest'
import { installInto, packedAt } from '../support/packed.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const project = mkdtempSync(join(tmpdir(), 'constellite-types-'))

const STRICT = {
  target: 'ES2022',
  module: 'nodenext',
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  skipLibCheck: false,
  noEmit: true,
}

beforeAll(async () => {
  const manifest: { devDependencies: Record<string, string> } = JSON.parse(
    readFileSync(join(ROOT, 'package.json'), 'utf8'),
  )
  const nodeTypes = `@types/node@${manifest.devDependencies['@types/node']}`
  await installInto(project, [packedAt(inject('packedFolder')).tarball, nodeTypes])
  mkdirSync(join(project, 'src'))
  cpSync(join(ROOT, 'test/consumers/fixtures/types/use.ts'), join(project, 'src/use.ts'))
  const subpaths = ['frame', 'relay', 'worker', 'testing', 'utilities', 'hpke', 'passphrase'].map(
    (it) => `import 'constellite/${it}'`,
  )
  writeFileSync(join(project, 'src/subpaths.ts'), subpaths.join('\n'))
})
afterAll(() => rmSync(project, { recursive: true, force: true }))

it.each([
  ['only ES2022', { lib: ['ES2022'], types: [] }],
  ['DOM', { lib: ['ES2022', 'DOM', 'DOM.Iterable'], types: [] }],
  ['a worker', { lib: ['ES2022', 'WebWorker'], types: [] }],
  ['Node', { lib: ['ES2022'], types: ['node'] }],
  [
    'a bundler',
    { lib: ['ES2022', 'DOM'], types: [], module: 'esnext', moduleResolution: 'bundler' },
  ],
])('compiles in a project with %s', (_name, options) => {
  const config = { compilerOptions: { ...STRICT, ...options }, include: ['src'] }
  writeFileSync(join(project, 'tsconfig.json'), JSON.stringify(config))
  const tsc = join(ROOT, 'node_modules/typescript/bin/tsc')
  const done = spawnSync(process.execPath, [tsc], { cwd: project, encoding: 'utf8' })
  expect(done.stdout).toBe('')
  expect(done.status).toBe(0)
})
