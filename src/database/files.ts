/** Files: how an import is read and an export handed over, on whatever platform this is.
 *  Keeps: reading is synchronous, because SQLite checks a file while it is read. */

import type { FileBlob } from '../base/globals.ts'
import type { ExportReport, ImportSource } from './types.ts'

export type FileSource = {
  readonly sizeBytes: number
  /** Fills `into` from offset `at`; answers how many bytes there were. */
  read(at: number, into: Uint8Array): number
  /** Sizes of the files that SQLite keeps beside a database: 0 when there is none. */
  readonly walBytes: number
  readonly journalBytes: number
  close(): void
}

export type FileAccess = {
  openSource(source: ImportSource): Promise<FileSource>
  /** One file from pieces that come in order. */
  collect(pieces: AsyncIterable<Uint8Array>): Promise<FileBlob>
  /** Writes the pieces to a path, whole or not at all. */
  save(path: string, pieces: AsyncIterable<Uint8Array>): Promise<ExportReport>
}

/** A source that is all in memory. */
export function sourceOfBytes(bytes: Uint8Array): FileSource {
  return {
    sizeBytes: bytes.length,
    walBytes: 0,
    journalBytes: 0,
    read: (at, into) => {
      const piece = bytes.subarray(at, at + into.length)
      into.set(piece)
      return piece.length
    },
    close: () => undefined,
  }
}
