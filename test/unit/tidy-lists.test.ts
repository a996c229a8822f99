/** The tidy rules over lists, of skips, packages and exports, fire on a small bad sample and stay silent on the good one beside it. */
import { describe, expect, it } from 'vitest'
import { lockfile } from '../tidy/rules/lockfile.ts'
import { skips } from '../tidy/rules/skips.ts'
import { unusedExports } from '../tidy/rules/unused-exports.ts'
import { createRepository, type Rule } from '../tidy/source.ts'

function run(rule: Rule, files: Readonly<Record<string, string>>): string[] {
  const found = rule.check(createRepository(new Map(Object.entries(files))))
  return found.map(({ path, line, message }) => `${path}:${line} ${message}`)
}

describe('skips', () => {
  const files = {
    'package.json': '{ "devDependencies": { "deno": "1" } }',
    'test/run.ts': "const a = { name: 'kill-a', run: () => kill('pages-a', 3) }",
    'test/unit/a.test.ts': [
      "describe.each(NAMES)('with %s', () => {",
      "  it('starts', () => {})",
      `  it(\`what \${name} writes\`, () => {})`,
      '  it(name, () => {})',
      '})',
    ].join('\n'),
  }
  const list = (
    entry: Readonly<Record<string, unknown>>,
    ...more: readonly unknown[]
  ): string[] => {
    const good = { suites: ['kill-a'], name: 'with b > starts', reason: 'no b', ...entry }
    return run(skips, { ...files, 'test/skips.json': JSON.stringify([good, ...more]) })
  }

  it.each(['kill-a', 'pages-a', 'with b > starts', 'with * > what b writes', 'starts'])(
    'accepts %s, the suite as its runner names it, or a test by its titles',
    (name) => {
      expect(list({ name })).toEqual([])
    },
  )

  it.each(['*', 'with b > *', 'with b > begins', 'starts again', ''])(
    'refuses %s, which no test is called',
    (name) => {
      expect(list({ name })).toEqual([expect.stringContaining('is the title of no test')])
    },
  )

  it('refuses a suite that the runner has not, no suite, no reason, and the same entry twice', () => {
    expect(list({ suites: ['gone'] })[0]).toContain('the suite gone, which test/run.ts has not')
    expect(list({ suites: [] })[0]).toContain('names no suite')
    expect(list({ reason: '' })[0]).toContain('has no reason')
    const [twice] = list({}, { suites: ['kill-a'], name: 'with b > starts', reason: 'again' })
    expect(twice).toContain('is there twice')
  })

  it('refuses to wait for a package that is not installed for development', () => {
    expect(list({ package: 'deno' })).toEqual([])
    expect(list({ package: 'bun' })[0]).toContain('waits for the package bun')
  })
})

describe('lockfile', () => {
  const text = (packages: unknown): string => JSON.stringify({ packages }, undefined, 2)
  const deno = { optionalDependencies: { '@deno/linux': '1', '@deno/windows': '1' } }
  const packages = { '': {}, 'node_modules/deno': deno, 'node_modules/@deno/linux': {} }

  it('refuses an optional dependency without an entry, which npm ci does not install', () => {
    expect(run(lockfile, { 'package-lock.json': text(packages) })).toEqual([
      'package-lock.json:4 @deno/windows, optional for node_modules/deno, has no entry: npm ci fails',
    ])
    const all = { ...packages, 'node_modules/@deno/windows': {} }
    expect(run(lockfile, { 'wasm/package-lock.json': text(all) })).toEqual([])
  })

  it('finds it below the package, or below one that has it installed', () => {
    const nested = { 'node_modules/a/node_modules/@b/c': { optionalDependencies: { d: '1' } } }
    for (const at of ['a/node_modules/@b/c/node_modules/d', 'a/node_modules/d', 'd']) {
      const found = { ...nested, [`node_modules/${at}`]: {} }
      expect(run(lockfile, { 'package-lock.json': text(found) }), at).toEqual([])
    }
    const beside = { ...nested, 'node_modules/a/node_modules/@b/d': {} }
    expect(run(lockfile, { 'package-lock.json': text(beside) })).toHaveLength(1)
  })
})

describe('unused-exports', () => {
  it('refuses what is exported and used by nobody, and takes a use by a test or by its own file', () => {
    const files = {
      'src/base/limits.ts': [
        'export const LOST_MAX = 1',
        'export const OWN_MAX = 2',
        'export function used() { return OWN_MAX }',
        'export class Lost {}',
        'export type Free = string',
      ].join('\n'),
      'src/entry/node.ts': 'export const published = 1',
      'test/unit/a.test.ts': "import { used } from '../../src/base/limits.ts'",
    }
    expect(run(unusedExports, files)).toEqual([
      'src/base/limits.ts:1 nothing uses LOST_MAX: remove it',
      'src/base/limits.ts:4 nothing uses Lost: remove it',
    ])
  })
})
