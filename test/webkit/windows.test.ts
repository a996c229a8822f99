/** Reloads and windows of WebKitGTK, in a session that WebDriver drives.  Such a session is private: IndexedDB is
 *  in memory and ends with it, so these tests show what a reload and another window find, and storage.test.ts
 *  what a restart does. */

import { expect, it } from 'vitest'
import { drive, IN_INDEXEDDB } from './pages.ts'

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
