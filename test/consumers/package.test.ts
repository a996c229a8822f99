/** What the tarball is: its exports and types by the tools that judge them, its size, its self-contained
 *  browser files, and an import that costs nothing where it is not used. */

import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { rolldown } from 'rolldown'
import { describe, expect, inject, it } from 'vitest'
import { packedAt } from '../support/packed.ts'
import { topLevelAwaits } from '../tidy/rules/worker-reach.ts'
import { parseSource } from '../tidy/source.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const { project, tarball } = packedAt(inject('packedFolder'))
const installed = join(project, 'node_modules/constellite')
const browserFolder = join(installed, 'dist/browser')

/** Bytes, gzipped. */
/** 13.5 kB of it without what tabs need to share a database. */
const MAIN_THREAD_MAX = 20_000
const WORKER_MAX = 130_000
/** With IndexedDB and the plain kernel. */
const WHOLE_WORKER_MAX = 145_000
/** The .wasm files that are shipped, with their largest size. */
const WASM_MAX: Readonly<Record<string, number>> = {
  'kernel.wasm': 54_500,
  'sqlite3.wasm': 900_000,
}

function tool(name: string, parameters: readonly string[]): { status: number | null; out: string } {
  const program = join(ROOT, 'node_modules/.bin', name)
  const done = spawnSync(program, [...parameters], { cwd: project, encoding: 'utf8' })
  return { status: done.status, out: done.stdout + done.stderr }
}

describe('the tarball', () => {
  it('is clean by publint, warnings included', () => {
    const { status, out } = tool('publint', [tarball, '--strict', '--pack', 'false'])
    expect(status, out).toBe(0)
    expect(out).toContain('All good')
  })

  it('has types that resolve by attw, for an ESM-only package', () => {
    const { status, out } = tool('attw', [tarball, '--profile', 'esm-only', '--no-emoji'])
    expect(status, out).toBe(0)
    expect(out).not.toContain('does not contain types')
  })

  it('names its conditions in the order types, workerd, deno, bun, browser, node, default', () => {
    const { exports } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8'))
    const order = ['types', 'workerd', 'deno', 'bun', 'browser', 'node', 'default']
    expect(Object.keys(exports['.'])).toEqual(order)
    for (const conditions of Object.values<object | string>(exports)) {
      if (typeof conditions === 'string') continue
      const names = Object.keys(conditions)
      expect(names).toEqual(order.filter((it) => names.includes(it)))
    }
  })

  it('ships every file that its exports and its command name, and no sources or tests', () => {
    const { exports, bin } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8'))
    const named = JSON.stringify([exports, bin]).match(/(?:\.\/)?dist\/[^"]+/g) ?? []
    expect(named.length).toBeGreaterThan(5)
    for (const path of named) expect(existsSync(join(installed, path)), path).toBe(true)
    const shipped = readdirSync(installed).sort()
    expect(shipped).toEqual(['LICENSE', 'README.md', 'dist', 'package.json'])
  })

  it('has a command that starts with the interpreter’s line', () => {
    expect(readFileSync(join(installed, 'dist/cli/main.js'), 'utf8')).toMatch(
      /^#!\/usr\/bin\/env node\n/,
    )
  })
})

describe('the size gate', () => {
  const gzipped = (name: string): number =>
    gzipSync(readFileSync(join(browserFolder, name)), { level: 9 }).length

  it(`main-thread JavaScript is at most ${MAIN_THREAD_MAX} bytes gzipped`, () => {
    expect(gzipped('index.js')).toBeLessThanOrEqual(MAIN_THREAD_MAX)
  })

  it(`worker JavaScript is at most ${WORKER_MAX} bytes gzipped`, () => {
    expect(gzipped('worker.js')).toBeLessThanOrEqual(WORKER_MAX)
  })

  it(`the worker that lacks nothing is at most ${WHOLE_WORKER_MAX} bytes gzipped`, () => {
    expect(gzipped('worker-plain.js')).toBeLessThanOrEqual(WHOLE_WORKER_MAX)
  })

  it('.wasm files are those listed, and no larger', () => {
    const found = readdirSync(browserFolder).filter((name) => name.endsWith('.wasm'))
    expect(found.sort()).toEqual(Object.keys(WASM_MAX).sort())
    for (const name of found) {
      expect(readFileSync(join(browserFolder, name)).length).toBeLessThanOrEqual(
        WASM_MAX[name] ?? 0,
      )
    }
  })
})

describe('the browser files', () => {
  it.each(['index.js', 'worker.js', 'worker-plain.js', 'serve.js'])(
    '%s is self-contained and breaks no bundler',
    (name) => {
      const source = parseSource(name, readFileSync(join(browserFolder, name), 'utf8'))
      const imports = source.imports.filter((it) => it.kind !== 'url')
      expect(imports.map((it) => it.specifier)).toEqual([])
      expect(topLevelAwaits(source.program)).toEqual([])
      const files = new Set(source.imports.map((it) => it.specifier))
      const workers = ['./worker-plain.js', './worker.js']
      const wasm = ['./kernel.wasm', './sqlite3.wasm']
      expect([...files].sort()).toEqual(name === 'index.js' ? workers : wasm)
    },
  )
})

describe('an import that is not used', () => {
  it.each([
    ['constellite', 'browser'],
    ['constellite', 'node'],
    ['constellite/frame', 'browser'],
    ['constellite/relay', 'node'],
    ['constellite/kernel', 'node'],
  ] as const)('%s leaves nothing behind in a bundle for %s', async (specifier, platform) => {
    const input = join(project, 'unused.js')
    writeFileSync(
      input,
      `import * as all from '${specifier}'\nimport { open } from 'constellite'\n`,
    )
    const bundle = await rolldown({ input, cwd: project, platform, logLevel: 'silent' })
    const { output } = await bundle.generate({ format: 'esm', minify: true })
    await bundle.close()
    expect(output).toHaveLength(1)
    // Some formats mark an empty module as one.
    expect(output[0].code.trim().replace(/^export ?\{\};$/, '')).toBe('')
  })

  it('in Node starts nothing, reads no clock and prints nothing', () => {
    const watched = `
      const touched = []
      for (const name of ['setTimeout', 'setInterval', 'setImmediate']) globalThis[name] = () => touched.push(name)
      Date.now = () => touched.push('Date.now')
      Math.random = () => touched.push('Math.random')
      await import('constellite')
      await import('constellite/frame')
      await import('constellite/relay')
      if (touched.length > 0) throw new Error('touched on import: ' + touched)
      if (process.getActiveResourcesInfo().some((it) => !/^(FSReq|Close)/.test(it) && it !== 'PipeWrap'))
        throw new Error('left open: ' + process.getActiveResourcesInfo())`
    const done = spawnSync(process.execPath, ['--input-type=module', '--eval', watched], {
      cwd: project,
      encoding: 'utf8',
    })
    expect(done.stdout + done.stderr).toBe('')
    expect(done.status).toBe(0)
  })
})
