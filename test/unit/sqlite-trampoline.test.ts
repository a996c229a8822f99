/** Proves that the committed trampoline is what its generator makes, that it gives a JavaScript function every
 *  type that SQLite calls, and that a change of sqlite-wasm fails the build. */

import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { makeTrampoline } from '../../scripts/make-trampoline.ts'
import { callStatically } from '../../scripts/static-callbacks.ts'

const committed = readFileSync(new URL('../../src/sqlite/trampoline.wasm', import.meta.url))
const entry = new URL('./index.mjs', import.meta.resolve('@sqlite.org/sqlite-wasm/sqlite3.wasm'))
const real = readFileSync(fileURLToPath(entry), 'utf8')

test('trampoline.wasm is what scripts/make-trampoline.ts makes', () => {
  expect(Buffer.from(makeTrampoline()).equals(committed)).toBe(true)
})

test('each export of it calls the import of its name, with arguments of its type', () => {
  const module = new WebAssembly.Module(committed)
  const names = WebAssembly.Module.exports(module).map((it) => it.name)
  const calls: unknown[][] = []
  const callbacks = Object.fromEntries(
    names.map((name) => [name, (...given: unknown[]) => calls.push([name, ...given])]),
  )
  const { exports } = new WebAssembly.Instance(module, { callbacks })
  for (const name of names) {
    const given = name
      .replace(' -> i32', '')
      .split(' ')
      .map((type, index) => (type === 'i64' ? 2n ** 40n : index))
    // Exports of a module of functions are functions.
    const answer = (exports[name] as (...given: unknown[]) => unknown)(...given)
    expect([answer, calls.at(-1)]).toEqual([calls.length, [name, ...given]])
  }
  expect(calls.length).toBe(names.length)
})

describe('calling callbacks without compiling', () => {
  test('leaves no line that compiles, and imports what gives a callback its type', () => {
    const code = callStatically(real, '/callbacks.ts')
    expect(code).toMatch(/^import \{ typedCallback \} from "\/callbacks\.ts";/)
    expect(code.split('return typedCallback(func, ')).toHaveLength(2)
    expect(code).not.toMatch(/new WebAssembly\.(Module|Instance)\b/)
  })

  test('fails when the line is missing, stands twice, or is not the only one that compiles', () => {
    const line = real.match(/return new WebAssembly\.Instance\(.*/)?.[0] ?? ''
    expect(line).not.toBe('')
    expect(() => callStatically(real.replace(line, ''), '')).toThrow(/in 0 places/)
    expect(() => callStatically(`${real}\n${line}`, '')).toThrow(/in 2 places/)
    const other = `${real}\nnew WebAssembly.Module(bytes)`
    expect(() => callStatically(other, '')).toThrow(/has another new WebAssembly.Module/)
  })
})
