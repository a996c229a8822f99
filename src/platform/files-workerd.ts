/** Files in workerd: imports are bytes or Blobs, exports are Blobs, all in memory, of which an object has
 *  128 MB in production. */

import { ConstelliteError } from '../base/failure.ts'
import { type FileAccess, sourceOfBytes } from '../database/files.ts'

const TYPE = 'application/vnd.sqlite3'

export function createWorkerdFiles(): FileAccess {
  return {
    openSource: async (source) => {
      if (typeof source === 'string') throw noPaths()
      if (source instanceof Uint8Array) return sourceOfBytes(source)
      return sourceOfBytes(new Uint8Array(await source.arrayBuffer()))
    },
    collect: async (pieces) => {
      const parts: Uint8Array<ArrayBuffer>[] = []
      // Each piece is a new array of its own.
      for await (const piece of pieces) parts.push(piece as Uint8Array<ArrayBuffer>)
      return new Blob(parts, { type: TYPE })
    },
    save: async () => {
      throw noPaths()
    },
  }
}

function noPaths(): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrOption',
    message: 'A Durable Object has no paths.',
    hint: 'Import a Blob or bytes; export() answers a Blob.',
  })
}
