import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { cut } from '../../scripts/cut-sqlite-workers.ts'

const entry = new URL('./index.mjs', import.meta.resolve('@sqlite.org/sqlite-wasm/sqlite3.wasm'))
const real = readFileSync(fileURLToPath(entry), 'utf8')

describe('cutting the unused workers out of sqlite-wasm', () => {
  it('leaves sqlite3.wasm as the only file that the code names', () => {
    const named = [...cut(real).matchAll(/new URL\("([^"]+)", import\.meta\.url\)/g)]
    expect(named.map((it) => it[1])).toEqual(['./sqlite3.wasm'])
  })

  it('fails when a worker is not where it was, or a third one appears', () => {
    expect(() => cut(real.replace('sqlite3-worker1.mjs', 'renamed.mjs'))).toThrow(/has changed/)
    const third = `${real}\nnew Worker(new URL("sqlite3-third.mjs", import.meta.url))`
    expect(() => cut(third)).toThrow(/not shipped/)
  })
})
