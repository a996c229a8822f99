import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { cut } from '../../scripts/cut-sqlite.ts'

const entry = new URL('./index.mjs', import.meta.resolve('@sqlite.org/sqlite-wasm/sqlite3.wasm'))
const real = readFileSync(fileURLToPath(entry), 'utf8')

describe('cutting what is not used out of sqlite-wasm', () => {
  it('leaves sqlite3.wasm as the only file that the code names', () => {
    const named = [...cut(real).matchAll(/new URL\("([^"]+)", import\.meta\.url\)/g)]
    expect(named.map((it) => it[1])).toEqual(['./sqlite3.wasm'])
  })

  it('leaves out the file systems and faces that are not used, and keeps the C functions', () => {
    const rest = cut(real)
    for (const part of ['sqlite3.kvvfs =', 'installOpfsSAHPoolVfs =', 'sqlite3.oo1 =']) {
      expect(real).toContain(part)
      expect(rest).not.toContain(part)
    }
    expect(rest).toContain('sqlite3.StructBinder =')
  })

  it('fails when a part is new, missing or changed', () => {
    const push = 'globalThis.sqlite3ApiBootstrap.initializers.push'
    expect(() => cut(`${real}\n${push}(() => 'a new part');`)).toThrow(/has changed/)
    expect(() => cut(real.replace('sqlite3.kvvfs =', 'sqlite3.kv ='))).toThrow(/has changed/)
    expect(() => cut(real.replace(`${push}(`, 'ignore('))).toThrow(/has changed/)
  })

  it('fails when a file is named that is not shipped', () => {
    const third = `${real}\nnew Worker(new URL("sqlite3-third.mjs", import.meta.url))`
    expect(() => cut(third)).toThrow(/not shipped/)
  })
})
