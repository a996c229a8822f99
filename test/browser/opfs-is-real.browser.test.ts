/** The browser project stands on a persistent profile: without it every OPFS test would silently run
 *  against the in-memory file system of an incognito context. */
import { expect, it } from 'vitest'
import { commands } from 'vitest/browser'

declare module 'vitest/browser' {
  interface BrowserCommands {
    filesOnDisk: () => Promise<number>
  }
}

it('runs in a profile whose storage is on disk, with OPFS access handles in workers', async () => {
  const root = await navigator.storage.getDirectory()
  await root.getFileHandle('probe', { create: true })
  const source = `onmessage = async () => {
    const root = await navigator.storage.getDirectory()
    const file = await root.getFileHandle('probe')
    const handle = await file.createSyncAccessHandle()
    handle.write(new Uint8Array([1, 2, 3]))
    handle.flush()
    const size = handle.getSize()
    handle.close()
    postMessage(size)
  }`
  const url = URL.createObjectURL(new Blob([source], { type: 'text/javascript' }))
  const worker = new Worker(url)
  const size = await new Promise((resolve, reject) => {
    worker.onmessage = (event) => resolve(event.data)
    worker.onerror = reject
    worker.postMessage('')
  })
  worker.terminate()
  URL.revokeObjectURL(url)
  expect(size).toBe(3)
  expect(await commands.filesOnDisk()).toBeGreaterThan(0)
})
