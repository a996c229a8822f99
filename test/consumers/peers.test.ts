/** Each binding in a project that has installed its peer (React's: nothing) and no other: its types compile, strictly, and what
 *  the README says of Kysely and Drizzle runs. */

import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, inject, it } from 'vitest'
import { installInto, packedAt } from '../support/packed.ts'
import { readmeFile } from '../support/readme-file.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'constellite-peers-'))
const PEERS = ['vue', 'svelte', 'kysely', 'drizzle-orm'] as const

const STRICT = {
  target: 'ES2022',
  module: 'nodenext',
  lib: ['ES2022', 'DOM', 'DOM.Iterable'],
  types: [],
  rootDir: 'src',
  outDir: 'out',
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
}

beforeAll(async () => {
  const manifest: { devDependencies: Record<string, string> } = JSON.parse(
    readFileSync(join(ROOT, 'package.json'), 'utf8'),
  )
  const { project, tarball } = packedAt(inject('packedFolder'))
  // React's types are a package of their own; the hooks are typed without them.
  mkdirSync(join(folder, 'react'))
  symlinkSync(join(project, 'node_modules'), join(folder, 'react/node_modules'))
  writeFileSync(join(folder, 'react/package.json'), '{ "type": "module" }')
  const install = (peer: string): Promise<void> =>
    installInto(join(folder, peer), [tarball, `${peer}@${manifest.devDependencies[peer]}`])
  await Promise.all(PEERS.map(install))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** Compiles one file in the project of this peer. */
function compile(peer: string, code: string, options: object = {}): void {
  const project = join(folder, peer)
  mkdirSync(join(project, 'src'), { recursive: true })
  writeFileSync(join(project, 'src/use.ts'), code)
  const compilerOptions = { ...STRICT, skipLibCheck: false, ...options }
  writeFileSync(
    join(project, 'tsconfig.json'),
    JSON.stringify({ compilerOptions, include: ['src'] }),
  )
  const tsc = join(ROOT, 'node_modules/typescript/bin/tsc')
  const done = spawnSync(process.execPath, [tsc], { cwd: project, encoding: 'utf8' })
  expect(done.stdout).toBe('')
  expect(done.status).toBe(0)
}

it.each(['react', 'vue', 'svelte'])('compiles for %s without the other peers', (peer) => {
  compile(peer, readFileSync(join(ROOT, `test/consumers/fixtures/peers/${peer}.ts`), 'utf8'))
})

it.each([
  ['kysely', 'kysely', {}],
  // Drizzle's own types need every database that it knows.
  ['drizzle-orm', 'drizzle', { skipLibCheck: true }],
])('compiles with %s and no other peer, and runs the README’s lines', (peer, name, options) => {
  compile(peer, readmeFile(`${name}.ts`), options)
  const printed = execFileSync(process.execPath, ['out/use.js'], {
    cwd: join(folder, peer),
    encoding: 'utf8',
    timeout: 30_000,
  })
  expect(printed).toBe('Hello\n')
})
