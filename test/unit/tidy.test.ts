/** Each tidy rule fires on a small bad sample and stays silent on the good one beside it. */
import { describe, expect, it } from 'vitest'
import { ALLOWLIST_LENGTH, allowlist } from '../tidy/allowlist.ts'
import { globalsUsed } from '../tidy/globals.ts'
import { clocks } from '../tidy/rules/clocks.ts'
import { cycles } from '../tidy/rules/cycles.ts'
import { importOrder } from '../tidy/rules/import-order.ts'
import { links } from '../tidy/rules/links.ts'
import { platform } from '../tidy/rules/platform.ts'
import { createSizesRule } from '../tidy/rules/sizes.ts'
import { unreferenced } from '../tidy/rules/unreferenced.ts'
import { workerReach } from '../tidy/rules/worker-reach.ts'
import { rules } from '../tidy/rules.ts'
import { createRepository, parseSource, type Rule } from '../tidy/source.ts'

const TABLE = [
  '| group | room | what lives there | may touch |',
  '|---|---|---|---|',
  '| low | `base` | foundations | – |',
  '| | `storage` | devices | `disk.ts`: `node:fs`, `navigator` |',
  '| high | `platform` | hosts | everything |',
].join('\n')

const BASE = { 'src/base/a.ts': 'export const a = 1', 'src/platform/p.ts': '' }
const DISK = { 'src/storage/disk.ts': "import 'node:fs'\nnavigator.storage" }

function run(rule: Rule, files: Readonly<Record<string, string>>): string[] {
  const all = { 'src/README.md': TABLE, ...BASE, ...DISK, ...files }
  const found = rule.check(createRepository(new Map(Object.entries(all))))
  return found.map(({ path, line, message }) => `${path}:${line} ${message}`)
}

describe('import-order', () => {
  it('accepts an import of a lower room and refuses one of a higher, a type too', () => {
    expect(run(importOrder, { 'src/storage/b.ts': "import { a } from '../base/a.ts'" })).toEqual([])
    const upwards = "\nimport type { D } from '../storage/disk.ts'"
    const [problem] = run(importOrder, { 'src/base/b.ts': upwards })
    expect(problem).toContain('src/base/b.ts:2 base may not import storage')
    expect(
      run(importOrder, { 'src/base/c.ts': "type D = import('../storage/disk.ts').D" })[0],
    ).toContain('base may not import storage')
  })

  it('refuses a room that the table does not name, and a row without a room', () => {
    expect(run(importOrder, { 'src/attic/x.ts': '' })[0]).toContain('"attic" is not in the table')
    expect(
      run(importOrder, { 'src/README.md': `${TABLE}\n| | \`ghost\` | nobody | – |` })[0],
    ).toContain('"ghost" has no file')
  })

  it('refuses a room that imports the entries or testing, which import anything', () => {
    const files = {
      'src/testing/t.ts': "import '../platform/p.ts'",
      'src/platform/q.ts': "import '../testing/t.ts'",
    }
    expect(run(importOrder, files)).toHaveLength(1)
  })
})

describe('cycles', () => {
  it('names the loop, over several files and through types', () => {
    const files = {
      'src/base/x.ts': "import './y.ts'",
      'src/base/y.ts': "import type { Z } from './z.ts'",
      'src/base/z.ts': "export * from './x.ts'",
    }
    expect(run(cycles, files)[0]).toContain(
      'src/base/x.ts → src/base/y.ts → src/base/z.ts → src/base/x.ts',
    )
    expect(run(cycles, { ...files, 'src/base/z.ts': '' })).toEqual([])
  })
})

describe('platform', () => {
  it('accepts what the table names, and refuses the same thing in the file beside it', () => {
    expect(run(platform, {})).toEqual([])
    const [problem] = run(platform, { 'src/storage/other.ts': "\n\nimport 'node:fs/promises'" })
    expect(problem).toContain('src/storage/other.ts:3 touches `node:fs/promises`')
  })

  it('sees a global as a bare name, through globalThis and behind typeof, and a package', () => {
    for (const code of [
      'fetch("x")',
      'globalThis.fetch',
      'typeof window',
      "import x from 'ws'",
      "import '@noble/hashes/blake3.js'",
      'new WebAssembly.Module(b)',
    ]) {
      expect(run(platform, { 'src/base/b.ts': code }), code).toHaveLength(
        code.startsWith('new') ? 2 : 1,
      )
    }
  })

  it('does not take a local name, a property, a type or a key for a global', () => {
    const code = `
      type Socket = WebSocket
      function f(fetch: Socket, { window: location = 1 }) { return [fetch, location, a.window, { document: 1 }] }
      const a = { navigator() {} }
      try { f } catch (crypto) { crypto }
      for (const process of []) process
      class Worker {}
      export { a as self, Worker }`
    expect(run(platform, { 'src/base/b.ts': code })).toEqual([])
  })

  it('a local name hides a global only inside its own scope', () => {
    const uses = globalsUsed(parseSource('x.ts', 'function f(crypto) { crypto }\ncrypto').program)
    expect(uses.map((it) => it.name)).toEqual(['crypto'])
  })

  it('refuses a table entry that nothing needs any more', () => {
    const [problem] = run(platform, { 'src/storage/disk.ts': "import 'node:fs'" })
    expect(problem).toContain('lets storage/disk.ts touch `navigator`, which it does not')
  })
})

describe('clocks', () => {
  it.each([
    'Date.now()',
    'new Date()',
    'const roll = Math.random',
    'performance.now()',
    'Atomics.wait(a, 0, 0)',
    'setTimeout(f, 1)',
    'globalThis.setInterval(f, 1)',
    'setImmediate(f)',
    'queueMicrotask(f)',
    'console.log(1)',
  ])('refuses %s in shared code and in workers, not in platform', (code) => {
    expect(run(clocks, { 'src/base/b.ts': code })).toHaveLength(1)
    expect(run(clocks, { 'workers/w.ts': code })).toHaveLength(1)
    expect(run(clocks, { 'src/platform/b.ts': code })).toEqual([])
  })

  it('refuses sleeping and unseeded dice in unit tests, where the clock may be read', () => {
    expect(run(clocks, { 'test/unit/b.test.ts': 'setTimeout(f, 1); Math.random()' })).toHaveLength(
      2,
    )
    expect(run(clocks, { 'test/unit/b.test.ts': 'Date.now(); console.log(1)' })).toEqual([])
  })

  it('accepts a date made of a number, and Math', () => {
    expect(
      run(clocks, { 'src/base/b.ts': 'new Date(1); Math.max(1, 2); host.setTimeout()' }),
    ).toEqual([])
  })
})

describe('worker-reach', () => {
  const worker = { 'workers/database.ts': "import '../src/base/b.ts'" }

  it('refuses a top-level await and a dynamic import in a file reached through others', () => {
    const files = { ...worker, 'src/base/b.ts': "export * from './c.ts'" }
    expect(run(workerReach, { ...files, 'src/base/c.ts': '\nawait 1' })[0]).toContain(
      'c.ts:2 a top-level',
    )
    expect(
      run(workerReach, { ...files, 'src/base/c.ts': 'for await (const x of y) x' }),
    ).toHaveLength(1)
    const lazy = { 'src/base/c.ts': "const f = () => import('./d.ts')" }
    expect(run(workerReach, { ...files, ...lazy })[0]).toContain('a dynamic import')
  })

  it('accepts an await inside a function, and both where the worker does not come', () => {
    expect(
      run(workerReach, { ...worker, 'src/base/b.ts': 'const f = async () => { await 1 }' }),
    ).toEqual([])
    expect(
      run(workerReach, { ...worker, 'src/base/b.ts': '', 'src/base/c.ts': 'await 1' }),
    ).toEqual([])
  })
})

describe('sizes', () => {
  const long = `export function long() {\n${'  f()\n'.repeat(69)}}\n`
  const sizes = createSizesRule([])

  it('refuses a file of 301 lines and accepts one of 300', () => {
    expect(run(sizes, { 'src/base/b.ts': 'f()\n'.repeat(300) })).toEqual([])
    expect(run(sizes, { 'src/base/b.ts': 'f()\n'.repeat(301) })[0]).toContain('301 lines')
  })

  it('refuses a function of 71 lines and accepts one of 70', () => {
    expect(run(sizes, { 'src/base/b.ts': long.replace('  f()\n', '') })).toEqual([])
    expect(run(sizes, { 'src/base/b.ts': long })[0]).toContain('function long has 71 lines')
  })

  it('accepts what the allowlist names, and refuses an allowance that nothing needs', () => {
    const allowing = createSizesRule([{ path: 'src/base/b.ts', name: 'long', reason: 'a table' }])
    expect(run(allowing, { 'src/base/b.ts': long })).toEqual([])
    expect(run(allowing, { 'src/base/b.ts': '' })[0]).toContain('no longer needed')
  })

  it('holds the number of allowances', () => {
    expect(allowlist).toHaveLength(ALLOWLIST_LENGTH)
    for (const { reason } of allowlist) expect(reason.length).toBeGreaterThan(20)
  })
})

describe('unreferenced', () => {
  const entry = { 'src/entry/node.ts': "import '../base/a.ts'\nimport '../storage/disk.ts'" }
  const demo = {
    'demo/index.html': '<script src="/main.ts"></script><link href="./style.css">',
    'demo/main.ts':
      "new Worker(new URL('../workers/w.ts', import.meta.url))\nimport '../src/platform/p.ts'",
    'demo/style.css': 'a { background: url("mark.svg") }',
    'demo/mark.svg': '',
    'workers/w.ts': '',
  }

  it('follows imports, URLs, the page and its styles', () => {
    expect(run(unreferenced, { ...entry, ...demo })).toEqual([])
  })

  it.each(['src/base/lost.ts', 'demo/lost.css', 'src/base/lost.wasm', 'scripts/lost.ts'])(
    'refuses %s, which nothing names',
    (path) => {
      expect(run(unreferenced, { ...entry, ...demo, [path]: '' })).toEqual([
        `${path}:1 nothing that runs refers to this file`,
      ])
    },
  )

  it('does not take a test for something that runs', () => {
    const files = {
      'src/base/lost.ts': '',
      'test/unit/l.test.ts': "import '../../src/base/lost.ts'",
    }
    expect(run(unreferenced, { ...entry, ...demo, ...files })).toHaveLength(1)
  })
})

describe('links', () => {
  it('refuses a link to a file or heading that is not there, and leaves code and the web alone', () => {
    const good = '# The title\n[a](src/README.md) [b](#the-title) [c](src/) [d](https://x.example)'
    expect(run(links, { 'README.md': `${good}\n\`\`\`md\n[x](nowhere)\n\`\`\`` })).toEqual([])
    expect(run(links, { 'README.md': '\n[a](src/nowhere.md)' })[0]).toContain(
      'README.md:2 link to src/nowhere.md',
    )
    expect(run(links, { 'README.md': '[a](src/README.md#nowhere)' })[0]).toContain(
      'no such heading',
    )
  })

  it('refuses a link to a file of tests that says what none of them says', () => {
    const files = { 'test/unit/a.test.ts': "it('keeps what was answered', () => {})" }
    const good = '[keeps what was](test/unit/a.test.ts) [`a.test.ts`](test/unit/a.test.ts)'
    expect(run(links, { ...files, 'README.md': good })).toEqual([])
    const bad = '[loses what was answered](test/unit/a.test.ts)'
    expect(run(links, { ...files, 'README.md': bad })[0]).toContain('no test there begins with')
  })
})

it('every rule is among those that `npm run check` applies', () => {
  expect(rules.map((it) => it.name).sort()).toEqual(
    'clocks cycles import-order links lockfile platform sizes skips unreferenced unused-exports worker-reach'.split(
      ' ',
    ),
  )
})
