/** Proves what an object in the cloud depends on: `open` in a constructor does nothing, nothing is left running
 *  when nothing goes on, and every row that is billed is counted. */

import { describe, expect, onTestFinished, test } from 'vitest'
import { open, remove } from '#edge'
import type { ObjectContext } from '../../../src/platform/workerd.ts'
import { countRows } from '../count-rows.ts'
import { here } from '../here.ts'

const migrations = ['CREATE TABLE note (id INTEGER PRIMARY KEY, body TEXT)']
const freshName = (): string => `open-${crypto.randomUUID()}`

/** Longer than anything of an idle database waits; its seal takes 50 ms. */
const IDLE_MS = 1_000

type Watched = { readonly timers: Set<unknown>; readonly calls: string[] }

/** What is asked of the platform's timers and randomness until the test is over. */
function watchPlatform(): Watched {
  const watched: Watched = { timers: new Set(), calls: [] }
  const own = { setTimeout, clearTimeout, setInterval, getRandomValues: crypto.getRandomValues }
  const note = <T>(call: string, value: T): T => {
    watched.calls.push(call)
    return value
  }
  Object.assign(globalThis, {
    setTimeout: (callback: () => void, delayMs: number) => {
      const timer: unknown = own.setTimeout(() => {
        watched.timers.delete(timer)
        callback()
      }, delayMs)
      watched.timers.add(timer)
      return note('setTimeout', timer)
    },
    clearTimeout: (timer: number) => {
      watched.timers.delete(timer)
      own.clearTimeout(timer)
    },
    setInterval: () => {
      throw new Error('nothing here needs an interval')
    },
  })
  crypto.getRandomValues = (array) =>
    note('random', own.getRandomValues.call(crypto, array)) as never
  onTestFinished(() => {
    const { getRandomValues, ...timers } = own
    Object.assign(globalThis, timers)
    crypto.getRandomValues = getRandomValues
  })
  return watched
}

describe('open in a constructor', () => {
  test('answers a handle and has touched nothing: no storage, no timer, no randomness', async () => {
    const { storage, counted } = countRows(here().ctx.storage)
    const watched = watchPlatform()
    const db = open({ storage }, freshName(), { migrations })
    await Promise.resolve()
    expect([watched.calls, watched.timers.size, counted.calls]).toEqual([[], 0, 0])
    expect(db.status).toMatchObject({ state: 'idle', storage: undefined })
    await db.run`INSERT INTO note (body) VALUES ('first')`
    expect(counted.calls).toBeGreaterThan(0)
    await db.close()
  })

  test('has a name of its own when none is given, and removes it', async () => {
    const { ctx } = here()
    const db = await open(ctx)
    expect(db.name).toBe('database')
    await expect(remove(ctx)).rejects.toMatchObject({ code: 'ErrInUse' })
    await db.close()
    expect([await remove(ctx), await remove(ctx)]).toEqual([true, false])
    const rows = [
      ...ctx.storage.sql.exec("SELECT * FROM constellite_files WHERE database = 'database'"),
    ]
    expect(rows).toEqual([])
  })

  test('without a ctx says what is missing, and refuses what belongs to browsers and servers', async () => {
    // Never: the types refuse it too.
    const forgotten = 'notes' as unknown as ObjectContext
    expect(() => open(forgotten)).toThrowError(expect.objectContaining({ code: 'ErrOption' }))
    const db = open(here().ctx, freshName(), { wasmUrl: 'https://example.org/sqlite3.wasm' })
    await expect(db.ready).rejects.toMatchObject({
      code: 'ErrOption',
      facts: { option: 'wasmUrl' },
    })
    const plain = await open(here().ctx, freshName())
    await expect(plain.export({ path: '/tmp/x' })).rejects.toMatchObject({ code: 'ErrOption' })
    await expect(plain.import('/tmp/x')).rejects.toMatchObject({ code: 'ErrOption' })
    await plain.close()
  })
})

describe('an open database', () => {
  test('leaves no timer pending when nothing goes on', async () => {
    const watched = watchPlatform()
    const db = await open(here().ctx, freshName(), { migrations })
    const stop = db.onStatus(() => undefined)
    for (let index = 0; index < 20; index++) await db.run`INSERT INTO note (body) VALUES ('x')`
    await db.transaction(async (tx) => void (await tx.run`INSERT INTO note (body) VALUES ('y')`))
    await db.all`SELECT * FROM note`
    await scheduler.wait(IDLE_MS)
    // Some ran, the seal's at least; none is left and none came back.
    expect([watched.calls.includes('setTimeout'), watched.timers.size]).toEqual([true, 0])
    stop()
    await db.close()
    expect(watched.timers.size).toBe(0)
  })

  test('says where it is and how many rows it wrote, as the cursors counted them', async () => {
    const { storage, counted } = countRows(here().ctx.storage)
    const name = freshName()
    const db = await open({ storage }, name, { migrations })
    const written = (): number => db.status.storage?.rowsWritten ?? 0
    expect(db.status.storage).toMatchObject({
      kind: 'durable-object',
      durable: true,
      persisted: true,
    })
    expect(db.status.identity?.stored).toBe('durable-object')
    const before = [written(), counted.rowsWritten]
    expect(before[0]).toBe(before[1])
    for (let index = 0; index < 10; index++) await db.run`INSERT INTO note (body) VALUES ('x')`
    const rows = written() - (before[0] ?? 0)
    expect(written()).toBe(counted.rowsWritten)
    // One chunk of the log a commit, one for a seal where the machine let time pass, a few at borders.
    expect([rows >= 10, rows <= 24]).toEqual([true, true])
    await db.close()
    const again = await open({ storage }, name, { migrations })
    expect(again.status.storage?.rowsWritten).toBeLessThan(10)
    expect(await again.all`SELECT count(*) AS n FROM note`).toEqual([{ n: 10 }])
    await again.close()
  })
})

declare const scheduler: { wait(delayMs: number): Promise<void> }
