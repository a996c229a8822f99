/** Reloads and windows of WebKitGTK, in a session that WebDriver drives.  Such a session is private: IndexedDB is
 *  in memory and ends with it, so these tests show what a reload and another window find, and storage.test.ts
 *  what a restart does. */

import { expect, it } from 'vitest'
import { type Driven, drive, IN_INDEXEDDB } from './pages.ts'

it('a private session tells nobody that it is one', async () => {
  const { run } = await drive()
  const code = "const db = await notes('private'); await write(db, 'one'); return storageOf(db)"
  expect(await run(code)).toEqual(IN_INDEXEDDB)
})

it('a reload in the middle of writes keeps every answered row', async () => {
  const { session, run } = await drive()
  await run(`
    const db = await notes('kept')
    for (let n = 0; n < 20; n++) await write(db, String(n))
    // Nobody waits for these.
    for (let n = 20; n < 1000; n++) write(db, String(n)).catch(() => undefined)`)
  await session.reload()
  const check = `
    const db = await notes('kept')
    return { ok: (await db.verify()).ok, bodies: await bodies(db) }`
  // That is what the code returns.
  const seen = (await run(check)) as { ok: boolean; bodies: string[] }
  expect(seen.ok).toBe(true)
  expect(seen.bodies.length).toBeGreaterThanOrEqual(20)
  expect(seen.bodies).toEqual(seen.bodies.map((_, index) => String(index)))
})

it('a window that is closed leaves its open database to another one at once', async () => {
  const { session, show, run } = await drive()
  const first = session.window
  await run("await write(await notes('passed'), 'from the first')")
  const second = await session.openWindow('window')
  await show()
  await session.switchTo(first)
  await session.closeWindow()
  await session.switchTo(second)
  const seen = await run(`
    const db = await notes('passed')
    await write(db, 'from the second')
    return bodies(db)`)
  expect(seen).toEqual(['from the first', 'from the second'])
})

/** Two windows that have one database open; the first, which opened it before, owns it. */
async function twoWindows(): Promise<Driven & { readonly first: string; readonly second: string }> {
  const driven = await drive()
  const { session, show, run } = driven
  const first = session.window
  await run(`
    globalThis.db = await notes('shared')
    await write(db, 'of the first')`)
  const second = await session.openWindow('window')
  await show()
  await run("globalThis.db = await notes('shared')")
  return { ...driven, first, second }
}

it('two windows share one database, for reads, writes, transactions and queries that watch', async () => {
  const { session, run, first, second } = await twoWindows()
  await session.switchTo(first)
  await run(`
    globalThis.four = new Promise((resolve) => {
      const onRows = ([{ count }]) => count === 4 && resolve(count)
      db.watch('SELECT count(*) AS count FROM note').subscribe(onRows, console.error)
    })`)
  await session.switchTo(second)
  const written = ['of the first', 'of the second', 'in one transaction', 'in one transaction']
  const seen = await run(`
    await write(db, 'of the second')
    await db.transaction(async (tx) => {
      for (let n = 0; n < 2; n++) await tx.run('INSERT INTO note (body) VALUES (?)', ['in one transaction'])
    })
    return { bodies: await bodies(db), storage: storageOf(db) }`)
  expect(seen).toEqual({ bodies: written, storage: IN_INDEXEDDB })
  await session.switchTo(first)
  const told = await run('return { bodies: await bodies(db), told: await four }')
  expect(told).toEqual({ bodies: written, told: 4 })
})

it('a window goes on when the one that owned its database is closed, and each of its writes happens once', async () => {
  const { session, run, first, second } = await twoWindows()
  await run(`
    const all = Array.from({ length: 300 }, (_, n) => write(db, String(n)))
    globalThis.answers = Promise.all(all.map((it) => it.then(() => 'answered', (error) => error.code)))`)
  await session.switchTo(first)
  await session.closeWindow()
  await session.switchTo(second)
  const seen = await run(`
    const codes = [...new Set(await answers)]
    await write(db, 'after')
    return { codes, bodies: await bodies(db), ok: (await db.verify()).ok }`)
  const written = Array.from({ length: 300 }, (_, index) => String(index))
  const expected = ['of the first', ...written, 'after']
  expect(seen).toEqual({ codes: ['answered'], bodies: expected, ok: true })
})

it('a window whose page goes into the back/forward cache leaves its database to the other, and shares it when it is back', async () => {
  const { session, run, url, first, second } = await twoWindows()
  await session.switchTo(first)
  await run("addEventListener('pageshow', (event) => { globalThis.isRestored = event.persisted })")
  await session.open(`${url}?elsewhere`)
  await session.switchTo(second)
  await run("await write(db, 'meanwhile')")
  await session.switchTo(first)
  await session.back()
  const seen = await run(`
    await write(db, 'back')
    return { isRestored, bodies: await bodies(db), ok: (await db.verify()).ok }`)
  const written = ['of the first', 'meanwhile', 'back']
  expect(seen).toEqual({ isRestored: true, bodies: written, ok: true })
  await session.switchTo(second)
  expect(await run('return bodies(db)')).toEqual(written)
})
