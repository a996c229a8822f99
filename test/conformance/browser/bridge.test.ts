import { type Database, isFailure, open } from 'constellite'
import { describe, expect, it, onTestFinished } from 'vitest'
import { place } from '#place'
import { failureOf } from '../failures.ts'

/** A worker from source text, which is told nothing. */
function workerOf(source: string): Worker {
  const url = URL.createObjectURL(new Blob([source], { type: 'text/javascript' }))
  return new Worker(url, { type: 'module' })
}

/** What a call failed with, whole. */
async function thrownBy(call: PromiseLike<unknown>): Promise<unknown> {
  try {
    await call
  } catch (error) {
    return error
  }
  throw new Error('nothing was thrown')
}

describe('bridge failures', () => {
  it('rejects everything that waits when the worker is not where it should be, naming the address', async () => {
    const worker = (): Worker => new Worker('/nowhere/worker.js', { type: 'module' })
    const db = open(place.freshName('bridge'), { worker })
    const results = await Promise.all([failureOf(db.ready), failureOf(db.all`SELECT 1`)])
    expect(results).toEqual(['ErrWorkerFailed', 'ErrWorkerFailed'])
    const error = await thrownBy(db.ready)
    expect(isFailure(error) && `${error.message} ${error.hint}`).toMatch(/worker/i)
    await db.close()
  })

  it('rejects everything that waits when the worker throws as it starts', async () => {
    const worker = (): Worker => workerOf("throw new Error('broken on purpose')")
    const db = open(place.freshName('bridge'), { worker })
    expect(await failureOf(db.ready)).toBe('ErrWorkerFailed')
    await db.close()
  })

  it('carries code, hint, facts and SQLite’s codes across the port', async () => {
    const db = await open(place.freshName('bridge'))
    onTestFinished(() => db.close())
    const error = await thrownBy(db.run`INSERT INTO nowhere VALUES (1)`)
    expect(isFailure(error, 'ErrSql') && error.sqlite?.name).toBe('SQLITE_ERROR')
    expect(isFailure(error) && error.retry).toBe('never')
  })

  it('takes a queued call back by its signal, across the port', async () => {
    const db = await open(place.freshName('bridge'))
    onTestFinished(() => db.close())
    await db.exec('CREATE TABLE note (id INTEGER PRIMARY KEY)')
    let release = (): void => {}
    const held = new Promise<void>((resolve) => {
      release = resolve
    })
    const slow = db.transaction(async (tx) => {
      await tx.run`INSERT INTO note VALUES (2)`
      await held
    })
    const controller = new AbortController()
    const queued = db.run('INSERT INTO note VALUES (1)', [], { signal: controller.signal })
    controller.abort()
    expect(await failureOf(queued)).toBe('ErrAborted')
    release()
    await slow
    expect(await db.all`SELECT id FROM note`).toEqual([{ id: 2 }])
  })

  it('keeps bytes that the caller changes after the call', async () => {
    const db: Database = await open(place.freshName('bridge'))
    onTestFinished(() => db.close())
    const bytes = new Uint8Array([1, 2, 3])
    const call = db.get`SELECT ${bytes} AS v`
    bytes.fill(9)
    expect(await call).toEqual({ v: new Uint8Array([1, 2, 3]) })
  })
})
