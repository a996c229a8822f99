/** Proves that a page asks to keep its storage at the first write and no earlier, and that its status follows the
 *  answer.  Real pages and workers; the answer of `navigator.storage.persist` is the test's. */

import wasmUrl from '@sqlite.org/sqlite-wasm/sqlite3.wasm?url'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { OpenOptions } from '../../src/database/options.ts'
import { open } from '../../src/entry/browser.ts'

const here: OpenOptions = {
  migrations: ['CREATE TABLE note (id INTEGER PRIMARY KEY, body TEXT)'],
  wasmUrl: new URL(wasmUrl, location.href).href,
  worker: () =>
    new Worker(new URL('../../workers/database.ts', import.meta.url), { type: 'module' }),
}
const fresh = (label: string): string => `${label}-${crypto.randomUUID()}`
/** Longer than a new frame takes to show in the status. */
const SHOWN_MS = 200
const shown = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, SHOWN_MS))

/** How often this window asked, which is answered with `answer`. */
function answerWith(answer: boolean): { readonly asked: number[] } {
  const asked: number[] = []
  const { persist } = StorageManager.prototype
  onTestFinished(() => {
    StorageManager.prototype.persist = persist
  })
  StorageManager.prototype.persist = async () => {
    asked.push(asked.length)
    return answer
  }
  return { asked }
}

describe('a page', () => {
  // The order matters: a page that was promised it once does not ask again.
  test('that is refused asks once for each name, after its first write', async () => {
    const { asked } = answerWith(false)
    for (const name of [fresh('first'), fresh('second')]) {
      const before = asked.length
      const db = await open(name, here)
      await db.all`SELECT * FROM note`
      await shown()
      expect(asked.length).toBe(before)
      await db.all`INSERT INTO note (body) VALUES ('a') RETURNING id`
      await expect.poll(() => asked.length).toBe(before + 1)
      await db.run`INSERT INTO note (body) VALUES ('b')`
      await db.close()
      const again = await open(name, here)
      await again.transaction((tx) => tx.run`INSERT INTO note (body) VALUES ('c')`)
      await shown()
      expect(asked.length).toBe(before + 1)
      expect(again.status.storage?.persisted).toBe(false)
      await again.close()
    }
  })

  test('that is promised it says so at once, in every database, and asks no more', async () => {
    const { asked } = answerWith(true)
    const [db, other] = [await open(fresh('one'), here), await open(fresh('other'), here)]
    const told: (boolean | undefined)[] = []
    other.onStatus(({ storage }) => told.push(storage?.persisted))
    await db.transaction((tx) => tx.run`INSERT INTO note (body) VALUES ('a')`)
    await expect.poll(() => db.status.storage?.persisted).toBe(true)
    expect(told).toContain(true)
    await other.run`INSERT INTO note (body) VALUES ('b')`
    await shown()
    expect(asked).toEqual([0])
    await db.close()
    await other.close()
  })
})
