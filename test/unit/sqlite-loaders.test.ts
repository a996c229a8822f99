/** Proves: importing the loaders does nothing, a loader makes one instance that engines share, and a
 *  load that fails says why and can be tried again. */

import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { expect, test } from 'vitest'
import { isFailure } from '../../src/base/failure.ts'
import { createBrowserLoader } from '../../src/sqlite/load-browser.ts'
import { loadSqliteNode } from '../../src/sqlite/load-node.ts'
import { createTestEngine, createTestSpace } from './sqlite-fixtures.ts'

function wasmUrl(): string {
  const path = createRequire(import.meta.url).resolve('@sqlite.org/sqlite-wasm/sqlite3.wasm')
  return `data:application/octet-stream;base64,${readFileSync(path).toString('base64')}`
}

test('the browser loader runs on bytes from an address that names no type of its own', async () => {
  const load = createBrowserLoader(wasmUrl())
  const engine = await createTestEngine(await createTestSpace(), { load })
  const db = engine.connect('writer')
  db.exec('CREATE TABLE t (x); INSERT INTO t VALUES (1)')
  expect(db.all('SELECT x FROM t')).toEqual([{ x: 1 }])
  expect(await load()).toBe(await load())
  engine.close()
})

test('an address that does not answer is ErrWorkerFailed with the address, each time', async () => {
  const load = createBrowserLoader('http://127.0.0.1:1/missing.wasm')
  for (let attempt = 0; attempt < 2; attempt++) {
    const failure = await load().then(
      () => undefined,
      (error: unknown) => error,
    )
    expect(isFailure(failure, 'ErrWorkerFailed') && failure.message).toMatch(/missing\.wasm/)
  }
})

test('the settings that quiet the package are gone after a load', async () => {
  await loadSqliteNode()
  expect('sqlite3ApiConfig' in globalThis).toBe(false)
})

test('engines on one instance do not see one another, whatever closes first', async () => {
  const spaces = [await createTestSpace(), await createTestSpace(), await createTestSpace()]
  const engines = await Promise.all(spaces.map((space) => createTestEngine(space)))
  const connections = engines.map((engine) => engine.connect('writer'))
  for (const [index, db] of connections.entries()) {
    db.exec(`CREATE TABLE t (x); INSERT INTO t VALUES (${index})`)
  }
  engines[1]?.close()
  engines[1]?.close()
  expect(connections[0]?.all('SELECT x FROM t')).toEqual([{ x: 0 }])
  connections[2]?.run('INSERT INTO t VALUES (20)')
  expect(connections[2]?.all('SELECT x FROM t')).toEqual([{ x: 2 }, { x: 20 }])
  expect(spaces.map((space) => space.commits.length)).toEqual([2, 2, 3])
  const again = await createTestEngine(await createTestSpace())
  again.connect('writer').exec('CREATE TABLE t (x)')
  for (const engine of [...engines, again]) engine.close()
})
