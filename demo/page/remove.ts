/** Remove: deletes a closed database of this origin, and its key with it. */

import { createIndexedDbKeyStore } from '../../src/identity/key-store-indexeddb.ts'
import { nameToFolder } from '../../src/storage/opfs-name.ts'

const TRIES_MAX = 20
const WAIT_MS = 50

export async function removeDatabase(name: string): Promise<void> {
  const keys = createIndexedDbKeyStore(name)
  await keys.remove()
  await keys.close()
  const root = await navigator.storage.getDirectory()
  const all = await root.getDirectoryHandle('constellite', { create: true })
  for (let tries = 1; ; tries++) {
    try {
      await all.removeEntry(nameToFolder(name), { recursive: true })
      return
    } catch (error) {
      if (nameOf(error) === 'NotFoundError') return
      // A worker that has just ended keeps its handles for some tens of milliseconds.
      if (nameOf(error) !== 'NoModificationAllowedError' || tries === TRIES_MAX) throw error
      await new Promise((resolve) => setTimeout(resolve, WAIT_MS))
    }
  }
}

function nameOf(error: unknown): string {
  return error instanceof DOMException ? error.name : ''
}
