/** Proves that a browser which has OPFS but opens no file in it synchronously, as a window never does, gets
 *  IndexedDB with the reason, and that a database which is in OPFS all the same is refused there. */

import { describe, expect, onTestFinished, test } from 'vitest'
import { createBrowserHost } from '../../src/platform/host-browser.ts'
import { findStorages, pickStorage } from '../../src/platform/storage-browser.ts'
import { nameToFolder } from '../../src/storage/opfs-name.ts'

const host = createBrowserHost()
const prefix = `run ${Date.now()} `

/** Gives this window the call that only workers have, for as long as the test takes. */
function defineCall(
  createSyncAccessHandle: (this: FileSystemFileHandle) => Promise<unknown>,
): void {
  const target = FileSystemFileHandle.prototype
  Object.defineProperty(target, 'createSyncAccessHandle', {
    value: createSyncAccessHandle,
    configurable: true,
  })
  onTestFinished(() => {
    Reflect.deleteProperty(target, 'createSyncAccessHandle')
  })
}

async function picked(name: string): Promise<unknown> {
  const { kind, durable, reason } = (await pickStorage(host, prefix + name)).device()
  return { kind, durable, reason }
}

const NOT_SYNCHRONOUS = 'OPFS opens no file synchronously here'

describe('IndexedDB is taken, with its reason', () => {
  test('where the call is missing', async () => {
    expect(await picked('missing')).toEqual({
      kind: 'indexeddb',
      durable: true,
      reason: NOT_SYNCHRONOUS,
    })
  })

  test('where the call is refused, as in WebKitGTK', async () => {
    defineCall(() => Promise.reject(new DOMException('no backend', 'NotSupportedError')))
    expect(await picked('refused')).toMatchObject({
      kind: 'indexeddb',
      reason: `${NOT_SYNCHRONOUS} (NotSupportedError)`,
    })
  })

  test('where a file whose handle was refused says that it is taken ever after, as in WebKitGTK', async () => {
    const locked = new Set<string>()
    defineCall(function () {
      const name = locked.has(this.name) ? 'InvalidStateError' : 'NotSupportedError'
      locked.add(this.name)
      return Promise.reject(new DOMException('no backend', name))
    })
    for (const name of ['first', 'second', 'third']) {
      expect(await picked(name)).toMatchObject({
        kind: 'indexeddb',
        reason: `${NOT_SYNCHRONOUS} (NotSupportedError)`,
      })
    }
    const root = await navigator.storage.getDirectory()
    const all = await root.getDirectoryHandle('constellite')
    const probes: string[] = []
    for await (const name of all.keys()) if (name.startsWith('probe')) probes.push(name)
    expect(probes).toEqual(['probe.tmp'])
  })

  test('where sizes are promises, as in Safari before 16.4', async () => {
    defineCall(async () => ({ getSize: async () => 0, close: async () => undefined }))
    expect(await picked('promises')).toMatchObject({ kind: 'indexeddb', reason: NOT_SYNCHRONOUS })
  })
})

describe('OPFS is taken', () => {
  test('where the call works, and where another tab tries it at the same time', async () => {
    defineCall(async () => ({ getSize: () => 0, close: () => undefined }))
    expect(await picked('works')).toEqual({ kind: 'opfs', durable: true, reason: '' })
    defineCall(() => Promise.reject(new DOMException('taken', 'NoModificationAllowedError')))
    expect(await picked('taken')).toMatchObject({ kind: 'opfs' })
  })
})

test('looking for a database makes none, in either', async () => {
  await picked('looked for')
  expect(await findStorages(host, `${prefix}looked for`)).toEqual([])
})

test('a full site can be looked into, where the browser refuses to open what is not there', async () => {
  const { open } = IDBFactory.prototype
  onTestFinished(() => {
    IDBFactory.prototype.open = open
  })
  IDBFactory.prototype.open = function (this: IDBFactory, ...given: Parameters<typeof open>) {
    // What is there can be opened, and other tests may have left keys.
    if (given[0] === 'constellite-keys') return open.apply(this, given)
    const error = new DOMException('full, as a test wants it', 'QuotaExceededError')
    const request: { error: DOMException; onerror?: () => void } = { error }
    queueMicrotask(() => request.onerror?.())
    // Of a request that fails, only this is read.
    return request as unknown as IDBOpenDBRequest
  }
  expect(await findStorages(host, `${prefix}full`)).toEqual([])
})

test('a database that has files in OPFS is refused where they cannot be opened', async () => {
  const root = await navigator.storage.getDirectory()
  const all = await root.getDirectoryHandle('constellite', { create: true })
  const folder = await all.getDirectoryHandle(nameToFolder(`${prefix}kept`), { create: true })
  await folder.getFileHandle('log-0', { create: true })
  await expect(pickStorage(host, `${prefix}kept`)).rejects.toMatchObject({
    code: 'ErrStorage',
    message: expect.stringContaining(NOT_SYNCHRONOUS),
    hint: expect.stringContaining('not begun anew'),
  })
})
