/** Import: a SQLite file is checked as it lies, then taken in page by page by the shard.
 *  Keeps: every check is made before the first change; page size and reserved bytes stay the file's own;
 *  of the bytes only 18 and 19 change, where the file was in WAL mode.
 *  Never: holds more than a page of it (the source decides how it is read). */

import { assertNever } from '../base/assert.ts'
import { type ConstelliteError, failureOf, isFailure } from '../base/failure.ts'
import type { PageImport } from '../shard/shard.ts'
import type { Engine, PageSpace } from '../sqlite/engine.ts'
import {
  corrupt,
  type FileHeader,
  HEADER_SAMPLE_BYTES,
  looksEncryptedInside,
  readFileHeader,
  withoutWal,
} from './file-header.ts'
import type { FileSource } from './files.ts'

export type CheckedFile = {
  readonly header: FileHeader
  readonly warnings: readonly string[]
  readonly pages: Pick<PageImport, 'pageSize' | 'pageCount' | 'readPage'>
}

const SQLITE_CORRUPT = 11
const SQLITE_NOTADB = 26

/** Reads the whole file once, through SQLite.  `openEngine` opens a database over other pages. */
export async function checkFile(
  source: FileSource,
  openEngine: (space: PageSpace) => Promise<Engine>,
): Promise<CheckedFile> {
  const start = new Uint8Array(HEADER_SAMPLE_BYTES)
  const startBytes = start.subarray(0, source.read(0, start))
  const header = readFileHeader(startBytes, source.sizeBytes)
  const { pageSize, pageCount } = header
  const readPage = (pgno: number, into: Uint8Array): void => {
    const count = source.read((pgno - 1) * pageSize, into.subarray(0, pageSize))
    if (count < pageSize) throw corrupt(`page ${pgno} could not be read to its end`)
    if (pgno === 1) withoutWal(into)
  }
  const engine = await openEngine(pagesOf(header, readPage))
  try {
    quickCheck(engine, startBytes)
  } finally {
    engine.close()
  }
  return { header, warnings: warningsOf(header, source), pages: { pageSize, pageCount, readPage } }
}

function quickCheck(engine: Engine, start: Uint8Array): void {
  try {
    const connection = engine.connect('reader')
    const [row] = connection.all('PRAGMA quick_check(1)')
    const answer = row === undefined ? 'no answer' : String(Object.values(row)[0])
    if (answer !== 'ok') throw corrupt(answer.replaceAll('\n', ' '))
  } catch (error) {
    throw checkFailure(failureOf(error), start)
  }
}

function checkFailure(failure: ConstelliteError, start: Uint8Array): ConstelliteError {
  if (!isFailure(failure, 'ErrSql')) return failure
  const code = failure.sqlite?.code
  if (code !== SQLITE_CORRUPT && code !== SQLITE_NOTADB) return failure
  return looksEncryptedInside(start) ?? corrupt(failure.message, failure)
}

function warningsOf(header: FileHeader, source: FileSource): string[] {
  const warnings: string[] = []
  if (source.walBytes > 0) {
    warnings.push(
      `A -wal file of ${source.walBytes} bytes lies beside this file and was not read: its commits are missing here. Run "PRAGMA wal_checkpoint(TRUNCATE)" there and import again.`,
    )
  } else if (header.isWal) {
    warnings.push(
      'The file was in WAL mode. If a file with the same name and "-wal" exists, its commits are missing here: run "PRAGMA wal_checkpoint(TRUNCATE)" there and import again.',
    )
  }
  if (source.journalBytes > 0) {
    warnings.push(
      `A -journal file of ${source.journalBytes} bytes lies beside this file: a transaction was cut off. Open the file with sqlite3 once and import again.`,
    )
  }
  return warnings
}

/** The file as pages that SQLite may read and never write. */
function pagesOf(
  { pageSize, pageCount }: FileHeader,
  readPage: (pgno: number, into: Uint8Array) => void,
): PageSpace {
  const page = new Uint8Array(pageSize)
  let pgnoHeld = 0
  const hold = (pgno: number): Uint8Array => {
    // SQLite reads a page's header and then the page.
    if (pgnoHeld !== pgno) {
      pgnoHeld = 0
      readPage(pgno, page)
      pgnoHeld = pgno
    }
    return page
  }
  const unwritable = (): never => assertNever(undefined as never, 'an import is only read')
  return {
    isReadOnly: true,
    commit: unwritable,
    pages: {
      pageSize,
      version: 0,
      dirtyBytes: 0,
      pageCount: () => pageCount,
      read: (pgno, _version, target, offset) => {
        if (pgno > pageCount) return false
        target.set(hold(pgno).subarray(offset, offset + target.length))
        return true
      },
      image: (pgno) => hold(pgno).slice(),
      pin: () => 0,
      unpin: () => undefined,
      dirtyPages: () => [],
      commit: unwritable,
      checkpoint: unwritable,
      checkFirstReads: unwritable,
      replace: unwritable,
    },
  }
}
