/** Where WebKitGTK keeps a database, and why: in IndexedDB, on a disk over restarts, a killed browser and a disk
 *  that takes no more; with OPFS switched on, which it has in part. */

import { describe, expect, it } from 'vitest'
import { OPFS_FEATURES } from './browser.ts'
import { browseOnDisk, drive, IN_INDEXEDDB, outcomeOf } from './pages.ts'

/** Each file of the browser: little enough for a test to fill. */
const FILE_BYTES_MAX = 16 << 20

describe('WebKitGTK on a disk', () => {
  it('keeps a database in IndexedDB, says why, and has every row after a restart', async () => {
    const browse = await browseOnDisk()
    const code = (body: string): string => `
      const db = await notes('kept')
      await write(db, '${body}')
      const { site = 'not told' } = await db.storage()
      return { storage: storageOf(db), site, kernel: db.status.kernel.kind, bodies: await bodies(db) }`
    const seen = { storage: IN_INDEXEDDB, site: 'not told', kernel: 'wasm' }
    expect(await outcomeOf(browse(code('one')))).toEqual({ ...seen, bodies: ['one'] })
    expect(await outcomeOf(browse(code('two')))).toEqual({ ...seen, bodies: ['one', 'two'] })
  })

  it('loses no answered row when the browser is killed in the middle of writes', async () => {
    const browse = await browseOnDisk()
    const { visit, browser } = browse(`
      const db = await notes('killed')
      for (let n = 1; n <= 10_000; n++) {
        await write(db, String(n))
        await say(String(n))
      }`)
    await visit.said(50)
    await browser.kill()
    const check = `
      const db = await notes('killed')
      return { ok: (await db.verify()).ok, bodies: await bodies(db) }`
    // That is what the code returns.
    const seen = (await outcomeOf(browse(check))) as { ok: boolean; bodies: string[] }
    expect(seen.ok).toBe(true)
    expect(seen.bodies.slice(0, visit.lines.length)).toEqual(visit.lines)
    // The last may be answered and not told.
    expect(seen.bodies.length - visit.lines.length).toBeLessThanOrEqual(1)
  })

  it('keeps what it answered when the disk takes no more, and goes on when it does again', async () => {
    const browse = await browseOnDisk()
    const fill = `
      const db = await notes('full')
      await write(db, 'small')
      for (let n = 0; n < 100; n++) {
        const large = db.run('INSERT INTO note (body) VALUES (hex(randomblob(500000)))')
        const failure = await large.then(() => undefined, (error) => error)
        if (failure === undefined) await say('large')
        else {
          const { code, cause } = failure
          return { code, cause: cause.code, hint: cause.hint, state: db.status.state }
        }
      }`
    const full = browse(fill, { fileBytesMax: FILE_BYTES_MAX })
    // WebKit takes the transaction back and names no reason; a quota of the site it has none.
    expect(await outcomeOf(full)).toEqual({
      code: 'ErrPoisoned',
      cause: 'ErrStorage',
      hint: expect.stringContaining('full disk'),
      state: 'failed',
    })
    const answered = 1 + full.visit.lines.length
    expect(answered).toBeGreaterThan(2)
    const check = `
      const db = await notes('full')
      const rows = await db.all('SELECT length(body) AS size FROM note ORDER BY id')
      await write(db, 'there is room again')
      return { ok: (await db.verify()).ok, sizes: rows.map((row) => row.size) }`
    // As above.
    const seen = (await outcomeOf(browse(check))) as { ok: boolean; sizes: number[] }
    expect(seen.ok).toBe(true)
    // The last may have got into the log, and only its pages not into theirs.
    const all = ['small'.length, ...Array.from({ length: answered }, () => 1_000_000)]
    expect([all, all.slice(0, -1)]).toContainEqual(seen.sizes)
  })
})

describe('WebKitGTK with OPFS switched on', () => {
  it('opens no file synchronously, which is the reason then, for a database that is there too', async () => {
    const browse = await browseOnDisk()
    const code = "const db = await notes('files'); await write(db, 'one'); return storageOf(db)"
    expect(await outcomeOf(browse(code))).toEqual(IN_INDEXEDDB)
    const again = `
      const [old, fresh] = [await notes('files'), await notes('fresh')]
      await write(fresh, 'one')
      return [storageOf(old), storageOf(fresh), await bodies(old)]`
    const reason = 'OPFS opens no file synchronously here (NotSupportedError)'
    expect(await outcomeOf(browse(again, { features: OPFS_FEATURES }))).toEqual([
      {
        ...IN_INDEXEDDB,
        reason: 'made in IndexedDB, when files could not be opened synchronously here',
      },
      { ...IN_INDEXEDDB, reason },
      ['one'],
    ])
  })

  it('refuses OPFS in a private session, where nothing counts as durable', async () => {
    const { run } = await drive(OPFS_FEATURES)
    const seen = `
      const db = await notes('private')
      await write(db, 'one')
      const { code } = await thrownBy(notes('strict', { durable: true }).ready)
      return [storageOf(db), code]`
    const reason = expect.stringMatching(/^OPFS is refused \(\w+\), as in a private window/)
    expect(await run(seen)).toEqual([{ ...IN_INDEXEDDB, durable: false, reason }, 'ErrNotDurable'])
  })
})
