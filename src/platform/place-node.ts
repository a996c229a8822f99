/** Place on Node: the folder `<name>.constellite`, as far as removing it needs. */

import { existsSync, readdirSync, rmdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { DatabasePlace } from '../database/remove.ts'
import { KEY_NAMES } from '../identity/key-store.ts'
import { codeOf, nodeFailure } from '../storage/node-errors.ts'
import { nodeDirectoryOf } from '../storage/node-fs.ts'
import { isOwnerFile } from '../storage/owned.ts'

export function createNodePlace(name: string): DatabasePlace {
  const directory = nodeDirectoryOf(name)
  return {
    list: async () =>
      attempt('list the database folder', () => {
        if (!existsSync(directory)) return undefined
        return readdirSync(directory).filter((entry) => !isOwnerFile(entry) && !isKeyFile(entry))
      }),
    removeEntry: async (entry) =>
      attempt(`remove ${entry}`, () =>
        rmSync(join(directory, entry), { recursive: true, force: true }),
      ),
    remove: async () =>
      attempt('remove the database folder', () => {
        try {
          rmdirSync(directory)
        } catch (error) {
          // Somebody else removed it, or opened it anew.
          if (!/^(ENOENT|ENOTEMPTY|EEXIST)$/.test(codeOf(error))) throw error
        }
      }),
  }
}

function isKeyFile(entry: string): boolean {
  return KEY_NAMES.some((name) => entry.startsWith(`${name}.key`))
}

function attempt<T>(action: string, task: () => T): T {
  try {
    return task()
  } catch (error) {
    throw nodeFailure(action, error)
  }
}
