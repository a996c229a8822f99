/** Place in a Durable Object: the rows of one database, as far as removing them needs. */

import type { DatabasePlace } from '../database/remove.ts'
import type { KeyStore } from '../identity/key-store.ts'
import type { ObjectTables } from '../storage/durable-object-tables.ts'

export function createObjectPlace(
  tables: ObjectTables,
  { name, keyStore }: { readonly name: string; readonly keyStore: KeyStore },
): DatabasePlace {
  return {
    list: async () => {
      tables.create()
      const files = tables.listFiles(name)
      if (files.length > 0) return files
      // Keys go last: what is left of a removal that was cut short can be removed again.
      const author = await keyStore.load('author')
      return author === undefined ? undefined : []
    },
    removeEntry: async (entry) => {
      tables.removeFile(name, entry)
      await tables.sync()
    },
    // There is nothing around its rows.
    remove: async () => {},
  }
}
