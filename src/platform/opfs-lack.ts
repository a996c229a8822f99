/** What a browser, or a window of it, lacks of OPFS: known by trying, never by the browser's name. */

import type { Host } from '../base/host.ts'
import { formatHex } from '../bytes/text.ts'
import { attempt, isConflict, nameOf } from '../storage/browser-errors.ts'
import { storageFailure } from '../storage/failures.ts'
import { type OpfsDirectory, type OpfsFile, openAllFolders } from '../storage/opfs-handles.ts'

export type OpfsLack = {
  readonly reason: string
  /** False where what is kept may go with the window. */
  readonly isKept: boolean
  /** Whether it can be seen which databases are there. */
  readonly canList: boolean
}

/** Has a dot, which no folder of a database has but in front of a hash. */
const PROBE = 'probe.tmp'

/** What is missing, as far as it shows without opening a file. */
export async function findLack(): Promise<OpfsLack | undefined> {
  const storage: StorageManager | undefined = navigator.storage
  if (typeof storage?.getDirectory !== 'function') {
    return {
      reason: 'no private file system of the site (OPFS) here',
      isKept: true,
      canList: false,
    }
  }
  try {
    await storage.getDirectory()
  } catch (error) {
    const reason = `OPFS is refused (${nameOf(error)}), as in a private window: what is kept may go with it`
    return { reason, isKept: false, canList: false }
  }
  const isThere = 'createSyncAccessHandle' in FileSystemFileHandle.prototype
  return isThere ? undefined : noHandles('')
}

function noHandles(name: string): OpfsLack {
  return {
    reason: `OPFS opens no file synchronously here ${name}`.trim(),
    isKept: true,
    canList: true,
  }
}

/** Some engines have the call and refuse it, or answer sizes with promises. */
export async function tryHandle(host: Host): Promise<OpfsLack | undefined> {
  const folders = await attempt('open OPFS', openAllFolders)
  const lack = await tryFile(folders, PROBE)
  if (lack !== 'taken') return lack
  // Another tab tries the same; or it is WebKitGTK, for which a file is taken once it has refused its handle.
  const own = `probe-${formatHex(host.random(8))}.tmp`
  const ownLack = await tryFile(folders, own)
  await folders.removeEntry(own).catch(() => undefined)
  return ownLack === 'taken' ? undefined : ownLack
}

async function tryFile(
  folders: OpfsDirectory,
  name: string,
): Promise<OpfsLack | 'taken' | undefined> {
  try {
    const file: OpfsFile = await folders.getFileHandle(name, { create: true })
    const handle = await file.createSyncAccessHandle?.()
    const isSynchronous = typeof handle?.getSize() === 'number'
    handle?.close()
    return isSynchronous ? undefined : noHandles('')
  } catch (error) {
    if (isConflict(error)) return 'taken'
    // A full site has it too, and says so when the database is made.
    if (nameOf(error) === 'QuotaExceededError') return undefined
    return noHandles(`(${nameOf(error)})`)
  }
}

export function outOfReach(name: string, reason: string): Error {
  return storageFailure({
    action: `open the database ${JSON.stringify(name)} where it was made, in OPFS: ${reason}`,
    hint: 'It is not begun anew elsewhere. Open it in a browser and window as it was made in, or take another name.',
  })
}
