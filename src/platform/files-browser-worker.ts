/** Files in a browser's worker: imports are Blobs, read synchronously as only a worker may; exports are
 *  Blobs, in parts that the browser may keep on disk. */

import { ConstelliteError } from '../base/failure.ts'
import { type FileAccess, type FileSource, sourceOfBytes } from '../database/files.ts'

/** Read from a Blob at a time: each read is a message to the browser's process. */
const BLOCK_BYTES = 1 << 20
/** A Blob of this size leaves the worker's memory. */
const PART_BYTES = 8 << 20
const TYPE = 'application/vnd.sqlite3'

/** Of workers only (File API §6.7); the library's DOM types describe windows. */
declare class FileReaderSync {
  readAsArrayBuffer(blob: Blob): ArrayBuffer
}

export function createBrowserWorkerFiles(): FileAccess {
  return {
    openSource: async (source) => {
      if (typeof source === 'string') throw noPaths()
      return source instanceof Uint8Array ? sourceOfBytes(source) : sourceOfBlob(source)
    },
    collect: async (pieces) => {
      const parts: Blob[] = []
      let waiting: Uint8Array<ArrayBuffer>[] = []
      let sizeBytes = 0
      const seal = (): void => {
        parts.push(new Blob(waiting))
        waiting = []
        sizeBytes = 0
      }
      for await (const piece of pieces) {
        // Each piece is a new array of its own.
        waiting.push(piece as Uint8Array<ArrayBuffer>)
        sizeBytes += piece.length
        if (sizeBytes >= PART_BYTES) seal()
      }
      seal()
      return new Blob(parts, { type: TYPE })
    },
    save: async () => {
      throw noPaths()
    },
  }
}

function sourceOfBlob(blob: Blob): FileSource {
  const reader = new FileReaderSync()
  let block = new Uint8Array(0)
  let blockAt = 0
  const load = (at: number): void => {
    blockAt = at
    block = new Uint8Array(reader.readAsArrayBuffer(blob.slice(at, at + BLOCK_BYTES)))
  }
  return {
    sizeBytes: blob.size,
    walBytes: 0,
    journalBytes: 0,
    read: (at, into) => {
      let done = 0
      while (done < into.length && at + done < blob.size) {
        const from = at + done
        if (from < blockAt || from >= blockAt + block.length) load(from)
        const piece = block.subarray(from - blockAt, from - blockAt + into.length - done)
        into.set(piece, done)
        done += piece.length
      }
      return done
    },
    close: () => {
      block = new Uint8Array(0)
    },
  }
}

function noPaths(): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrOption',
    message: 'A browser has no paths.',
    hint: 'Import a File, a Blob or bytes; export() answers a Blob.',
  })
}
