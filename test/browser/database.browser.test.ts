/** The whole database in a browser: page, worker, SQLite, OPFS; and workers that fail in earnest. */

import wasmUrl from '@sqlite.org/sqlite-wasm/sqlite3.wasm?url'
import { describe, expect, it } from 'vitest'
import type { ConstelliteError } from '../../src/base/failure.ts'
import type { OpenOptions } from '../../src/database/options.ts'
import { queueLock } from '../../src/database/tabs/lobby.ts'
import { open, remove } from '../../src/entry/browser.ts'
import { startForeignWorker } from '../../src/platform/foreign-worker.ts'

const workerUrl = new URL('../../workers/database.ts', import.meta.url)
const workers: Worker[] = []
const here: OpenOptions = {
  wasmUrl: new URL(wasmUrl, location.href).href,
  worker: () => {
    const worker = new Worker(new URL('../../workers/database.ts', import.meta.url), {
      type: 'module',
    })
    workers.push(worker)
    return worker
  },
}
const { worker: startWorker } = here
const removing = startWorker === undefined ? {} : { worker: startWorker }
const migrations = ['CREATE TABLE note (id INTEGER PRIMARY KEY, body TEXT)']
const fresh = (label: string): string => `${label}-${crypto.randomUUID()}`

async function rejection(promise: PromiseLike<unknown>): Promise<ConstelliteError> {
  try {
    await promise
  } catch (error) {
    // Read field by field by the tests, whatever it is.
    return error as ConstelliteError
  }
  throw new Error('The promise resolved and was expected to reject.')
}

describe('a database in a page', () => {
  it('keeps what was written after its worker is gone', async () => {
    const name = fresh('kept')
    const db = open(name, { ...here, migrations })
    await db.run`INSERT INTO note (body) VALUES (${'first'})`
    expect(db.status).toMatchObject({
      state: 'open',
      storage: { kind: 'opfs', durable: true },
      identity: { stored: 'indexeddb' },
    })
    await db.close()
    const again = open(name, { ...here, migrations })
    expect(await again.all`SELECT * FROM note`).toEqual([{ id: 1, body: 'first' }])
    expect(await again.verify()).toMatchObject({ ok: true, pages: 'match' })
    await again.close()
  })

  it('runs transactions, refuses itself inside them, and tells live queries', async () => {
    const db = open(fresh('transactions'), { ...here, migrations })
    const told: number[] = []
    db.watch('SELECT * FROM note').subscribe(
      (rows) => told.push(rows.length),
      (error) => {
        throw error
      },
    )
    await db.transaction(async (tx) => {
      await tx.run`INSERT INTO note (body) VALUES ('a')`
      expect((await rejection(db.run`DELETE FROM note`)).code).toBe('ErrTransaction')
      await tx.run`INSERT INTO note (body) VALUES ('b')`
    })
    await expect.poll(() => told.at(-1)).toBe(2)
    await db.close()
  })

  it('takes a Blob in and gives one out, byte for byte', async () => {
    const source = open(fresh('source'), { ...here, migrations })
    await source.run`INSERT INTO note (body)
      WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 20000)
      SELECT 'note ' || x FROM n`
    const file = await source.export()
    await source.close()
    const target = open(fresh('target'), here)
    const progress: number[] = []
    const report = await target.import(file, { onProgress: (fraction) => progress.push(fraction) })
    expect(report.sizeBytes).toBe(file.size)
    expect(progress.at(-1)).toBe(1)
    const exported = await target.export()
    const [left, right] = await Promise.all([file.arrayBuffer(), exported.arrayBuffer()])
    expect(new Uint8Array(right)).toEqual(new Uint8Array(left))
    expect(await target.get`SELECT count(*) AS n FROM note`).toEqual({ n: 20_000 })
    await target.close()
  })

  it('is removed with its keys when it is closed, and not while it is open', async () => {
    const name = fresh('removed')
    const db = open(name, { ...here, migrations })
    await db.run`INSERT INTO note (body) VALUES ('gone')`
    const { identity } = db.status
    expect((await rejection(remove(name, removing))).code).toBe('ErrInUse')
    expect(await db.get`SELECT count(*) AS n FROM note`).toEqual({ n: 1 })
    await db.close()
    const root = await navigator.storage.getDirectory()
    const folders = async (): Promise<string[]> => {
      const names: string[] = []
      for await (const it of (await root.getDirectoryHandle('constellite')).keys()) names.push(it)
      return names.filter((it) => it.startsWith('removed-'))
    }
    expect(await folders()).toEqual([name])
    expect(await remove(name, removing)).toBe(true)
    expect(await folders()).toEqual([])
    expect(await remove(name, removing)).toBe(false)
    expect(await folders()).toEqual([])
    const again = open(name, { ...here, migrations })
    expect(await again.all`SELECT * FROM note`).toEqual([])
    expect(again.status.identity?.publicKey).not.toEqual(identity?.publicKey)
    await again.close()
  })

  it('is not removed while another tab waits to run it', async () => {
    const name = fresh('waited')
    await open(name, { ...here, migrations }).close()
    const db = await open(name, here)
    await db.close()
    // As a tab whose owner has just closed it.
    let letGo: () => void = () => undefined
    const held = navigator.locks.request(queueLock(name), () => {
      return new Promise<void>((resolve) => {
        letGo = resolve
      })
    })
    expect((await rejection(remove(name, removing))).code).toBe('ErrInUse')
    letGo()
    await held
    expect(await remove(name, removing)).toBe(true)
  })

  it('starts through a module of its own origin where the script is of another', async () => {
    const options = { ...here, worker: () => startForeignWorker(workerUrl.href) }
    const db = open(fresh('foreign'), options)
    expect(await db.get`SELECT 1 AS one`).toEqual({ one: 1 })
    await db.close()
  })
})

describe('a worker that fails', () => {
  it('because it is missing is named, with the likely cause', async () => {
    const worker = (): Worker => new Worker('/no-such-worker.js', { type: 'module' })
    const failure = await rejection(open(fresh('missing'), { ...here, worker }).ready)
    expect(failure).toMatchObject({ code: 'ErrWorkerFailed', retry: 'later' })
    expect(failure.hint).toContain('404')
  })

  it('because its script throws is named', async () => {
    const source = URL.createObjectURL(
      new Blob(['throw new Error("broken on purpose")'], { type: 'text/javascript' }),
    )
    const worker = (): Worker => new Worker(source, { type: 'module' })
    const failure = await rejection(open(fresh('throws'), { ...here, worker }).ready)
    expect(failure.code).toBe('ErrWorkerFailed')
    expect(failure.message).toContain('broken on purpose')
  })

  it.each(['wasmUrl', 'kernelUrl'])('because the file of %s is missing says so', async (option) => {
    const db = open(fresh('wasm'), { ...here, [option]: `${location.origin}/no-such.wasm` })
    const failure = await rejection(db.ready)
    expect(failure.code).toBe('ErrWorkerFailed')
    expect(failure.message).toContain('no-such.wasm')
  })

  it('because it was terminated rejects what waits, and the name opens again', async () => {
    const name = fresh('terminated')
    const db = open(name, { ...here, migrations })
    await db.run`INSERT INTO note (body) VALUES ('kept')`
    const hanging = rejection(db.transaction(async () => new Promise(() => undefined)))
    await db.get`SELECT 1`
    workers.at(-1)?.terminate()
    expect(await hanging).toMatchObject({ code: 'ErrWorkerFailed' })
    expect(db.status).toMatchObject({ state: 'failed', failure: { code: 'ErrWorkerFailed' } })
    const again = open(name, { ...here, migrations })
    expect(await again.all`SELECT body FROM note`).toEqual([{ body: 'kept' }])
    await again.close()
  })
})

it('commits a thousand calls that are made at once', async () => {
  const db = open(fresh('many'), { ...here, migrations })
  const calls = Array.from({ length: 1000 }, (_, id) => db.run`INSERT INTO note VALUES (${id}, '')`)
  const seqs = (await Promise.all(calls)).map((result) => result.seq)
  expect(new Set(seqs).size).toBe(1000)
  expect(await db.get`SELECT count(*) AS n FROM note`).toEqual({ n: 1000 })
  await db.close()
})
