/** The whole database in Chromium: page, worker, SQLite, OPFS. */

import wasmUrl from '@sqlite.org/sqlite-wasm/sqlite3.wasm?url'
import { expect, it } from 'vitest'
import type { OpenOptions } from '../../src/database/options.ts'
import { open } from '../../src/entry/browser.ts'

const here: OpenOptions = {
  wasmUrl: new URL(wasmUrl, location.href).href,
  worker: () =>
    new Worker(new URL('../../workers/database.ts', import.meta.url), { type: 'module' }),
}

it('keeps what was written after the worker is gone', async () => {
  const name = `kept-${crypto.randomUUID()}`
  const migrations = ['CREATE TABLE note (id INTEGER PRIMARY KEY, body TEXT)']
  const db = open(name, { ...here, migrations })
  await db.run`INSERT INTO note (body) VALUES (${'first'})`
  expect(db.status).toMatchObject({ state: 'open', storage: { kind: 'opfs', durable: true } })
  await db.close()
  const again = open(name, { ...here, migrations })
  expect(await again.all`SELECT * FROM note`).toEqual([{ id: 1, body: 'first' }])
  expect(await again.verify()).toMatchObject({ ok: true, pages: 'match' })
  await again.close()
})
