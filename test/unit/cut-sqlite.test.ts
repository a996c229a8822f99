import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { cut } from '../../scripts/cut-sqlite.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'

const entry = new URL('./index.mjs', import.meta.resolve('@sqlite.org/sqlite-wasm/sqlite3.wasm'))
const real = readFileSync(fileURLToPath(entry), 'utf8')

describe('cutting what is not used out of sqlite-wasm', () => {
  it('leaves sqlite3.wasm as the only file that the code names', () => {
    const named = [...cut(real).matchAll(/new URL\("([^"]+)", import\.meta\.url\)/g)]
    expect(named.map((it) => it[1])).toEqual(['./sqlite3.wasm'])
  })

  it('leaves out the file systems and faces that are not used, and keeps the C functions', () => {
    const rest = cut(real)
    const cutParts = ['sqlite3.kvvfs =', 'installOpfsSAHPoolVfs =', 'sqlite3.oo1 =']
    for (const part of [...cutParts, '"sqlite3session_create",', 'Worker1Promiser.v2 =']) {
      expect(real).toContain(part)
      expect(rest).not.toContain(part)
    }
    expect(rest).toContain('sqlite3.StructBinder =')
  })

  it('still takes the randomness of random() from the platform', async () => {
    const folder = temporaryDirectory()
    writeFileSync(join(folder, 'cut.mjs'), cut(real))
    const { default: init } = await import(pathToFileURL(join(folder, 'cut.mjs')).href)
    const wasmBinary = readFileSync(
      fileURLToPath(import.meta.resolve('@sqlite.org/sqlite-wasm/sqlite3.wasm')),
    )
    const { wasm, capi } = await init({ wasmBinary })
    const asked = vi.spyOn(crypto, 'getRandomValues')
    onTestFinished(() => asked.mockRestore())
    const at = wasm.alloc(16)
    capi.sqlite3_randomness(16, at)
    expect(asked.mock.calls.map(([view]) => view?.byteLength)).toEqual([44])
    expect(wasm.heap8u().subarray(at, at + 16)).not.toEqual(new Uint8Array(16))
  })

  it('fails when a part is new, missing or changed', () => {
    const push = 'globalThis.sqlite3ApiBootstrap.initializers.push'
    expect(() => cut(`${real}\n${push}(() => 'a new part');`)).toThrow(/has changed/)
    expect(() => cut(real.replace('sqlite3.kvvfs =', 'sqlite3.kv ='))).toThrow(/has changed/)
    expect(() => cut(real.replace(`${push}(`, 'ignore('))).toThrow(/has changed/)
    expect(() => cut(real.replace('!!wasm.exports.sqlite3changegroup_add', 'false'))).toThrow(
      /has changed/,
    )
    expect(() => cut(real.replace('globalThis.sqlite3Worker1Promiser.v2 =', 'other ='))).toThrow(
      /has changed/,
    )
  })

  it('fails when a file is named that is not shipped', () => {
    const third = `${real}\nnew Worker(new URL("sqlite3-third.mjs", import.meta.url))`
    expect(() => cut(third)).toThrow(/not shipped/)
  })
})
