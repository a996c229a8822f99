/** Proves that a database whose files were deleted while it was closed is not begun anew by itself, whichever of
 *  its two places is left, and what its user can do.  Real pages and workers; the files are deleted by hand, as a
 *  browser that evicts or a user who clears part of a site would. */

import wasmUrl from '@sqlite.org/sqlite-wasm/sqlite3.wasm?url'
import { describe, expect, test } from 'vitest'
import type { ConstelliteError } from '../../src/base/failure.ts'
import type { OpenOptions } from '../../src/database/options.ts'
import { open, remove } from '../../src/entry/browser.ts'
import { nameToFolder } from '../../src/storage/opfs-name.ts'

const worker = (): Worker =>
  new Worker(new URL('../../workers/database.ts', import.meta.url), { type: 'module' })
const here: OpenOptions = {
  migrations: ['CREATE TABLE note (id INTEGER PRIMARY KEY, body TEXT)'],
  wasmUrl: new URL(wasmUrl, location.href).href,
  worker,
}
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

async function write(name: string): Promise<{ readonly address: string; readonly file: Blob }> {
  const db = await open(name, here)
  await db.run`INSERT INTO note (body) VALUES ('kept')`
  const [{ address }, file] = [await db.ready, await db.export()]
  await db.close()
  return { address, file }
}

async function deleteFiles(name: string): Promise<void> {
  const root = await navigator.storage.getDirectory()
  const all = await root.getDirectoryHandle('constellite')
  await all.removeEntry(nameToFolder(name), { recursive: true })
}

function deleteKeys(name: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open('constellite-keys')
    request.onerror = () => reject(request.error)
    request.onsuccess = () => {
      const writing = request.result.transaction('keys', 'readwrite')
      writing.objectStore('keys').delete(IDBKeyRange.bound([name], [name, []]))
      writing.oncomplete = () => {
        request.result.close()
        resolve()
      }
    }
  })
}

describe('a database whose files were deleted while it was closed', () => {
  test('is refused with ErrCleared, however often, and however it is opened', async () => {
    const name = fresh('lost')
    const { address } = await write(name)
    await deleteFiles(name)
    const ways: readonly OpenOptions[] = [
      here,
      here,
      { wasmUrl: `${here.wasmUrl}`, worker, sync: { kind: 'follow', address, via: [] } },
    ]
    for (const options of ways) {
      const db = open(name, options)
      const failure = await rejection(db.ready)
      expect(failure).toMatchObject({ code: 'ErrCleared', retry: 'after-repair', facts: { name } })
      expect(failure.hint).toMatch(/remove\(name\).*follow\(address\).*takeOver/)
      expect(db.status).toMatchObject({ state: 'failed', failure: { code: 'ErrCleared' } })
    }
  })

  test('lets its name go by `remove`, and then takes an export in', async () => {
    const name = fresh('again')
    const { address, file } = await write(name)
    await deleteFiles(name)
    expect(await remove(name, { worker })).toBe(true)
    expect(await remove(name, { worker })).toBe(false)
    const db = await open(name, { ...here, import: file })
    expect(await db.all`SELECT body FROM note`).toEqual([{ body: 'kept' }])
    expect((await db.ready).address).not.toBe(address)
    await db.close()
  })

  test('is not what a making that was cut short leaves, which is gone on with', async () => {
    const name = fresh('short')
    await write(name)
    await deleteFiles(name)
    const root = await navigator.storage.getDirectory()
    const all = await root.getDirectoryHandle('constellite')
    await all.getDirectoryHandle(nameToFolder(name), { create: true })
    const db = await open(name, here)
    expect(await db.all`SELECT body FROM note`).toEqual([])
    await db.close()
  })
})

test('a database whose keys were deleted while it was closed is refused with ErrIdentity, and stays', async () => {
  const name = fresh('keyless')
  await write(name)
  await deleteKeys(name)
  for (const _ of [1, 2]) {
    expect(await rejection(open(name, here).ready)).toMatchObject({
      code: 'ErrIdentity',
      hint: expect.stringContaining('Follow the shard under a new name'),
    })
  }
  expect(await remove(name, { worker })).toBe(true)
})
