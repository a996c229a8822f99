/** Place in OPFS: the folder `constellite/<name>/`, as far as removing it needs. */

import type { DatabasePlace } from '../database/remove.ts'
import { attempt, isConflict, isMissing } from '../storage/browser-errors.ts'
import { type OpfsDirectory, openAllFolders } from '../storage/opfs-handles.ts'
import { nameToFolder } from '../storage/opfs-name.ts'
import { isOwnerFile } from '../storage/owned.ts'

export function createOpfsPlace(name: string): DatabasePlace {
  const folder = nameToFolder(name)
  const find = async (): Promise<OpfsDirectory | undefined> => {
    try {
      return await (await openAllFolders()).getDirectoryHandle(folder, { create: false })
    } catch (error) {
      if (isMissing(error)) return undefined
      throw error
    }
  }
  return {
    list: () =>
      attempt('list the files of the database', async () => {
        const directory = await find()
        if (directory === undefined) return undefined
        const entries: string[] = []
        for await (const [entry] of directory.entries()) entries.push(entry)
        return entries.filter((entry) => !isOwnerFile(entry))
      }),
    removeEntry: (entry) =>
      attempt(`remove ${entry}`, async () => {
        await (await find())?.removeEntry(entry, { recursive: true })
      }),
    remove: () =>
      attempt('remove the folder of the database', async () => {
        try {
          await (await openAllFolders()).removeEntry(folder, { recursive: true })
        } catch (error) {
          // Somebody else removed it, or opened it anew.
          if (!isMissing(error) && !isConflict(error)) throw error
        }
      }),
  }
}
