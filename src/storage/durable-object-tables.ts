/** The two tables in a Durable Object's storage that files live in, and the statements over them.
 *  Keeps: a row holds at most one chunk, so that it stays far below the 2 MB that the platform allows;
 *  every row that a statement wrote is counted, because each is billed.
 *  Layout: `constellite_files` names a file and says how large its chunks are; `constellite_chunks` holds
 *  the bytes from `index * chunk_bytes` on under the number `id * 2^32 + index`: one integer key and no
 *  index beside it, since a row of an index is billed too.  A missing chunk is zeros, a short one ends in
 *  zeros, and a file ends where its last chunk ends, so that growing it costs no row of its own.
 *  Numbers are bound as doubles: those here are below 2^53. */

import { assert } from '../base/assert.ts'
import { ConstelliteError } from '../base/failure.ts'
import { quotaFailure, storageFailure } from './failures.ts'

/** What of `ctx.storage` is used, in its own words. */
export type ObjectStorage = {
  readonly sql: {
    exec(query: string, ...bindings: (ArrayBuffer | string | number)[]): ObjectCursor
    readonly databaseSize: number
  }
  /** Runs at once; what it did is undone when it throws. */
  transactionSync<T>(task: () => T): T
  /** Resolves when the platform has confirmed every write before it. */
  sync(): Promise<void>
}

export type ObjectCursor = Iterable<Record<string, ArrayBuffer | string | number | null>> & {
  readonly rowsWritten: number
}

/** Rows written, by everything that shares it. */
export type RowMeter = { rowsWritten: number }

/** Four pages of a database.  Of 8 to 256 KiB measured in workerd, 32 KiB took the least time for a small
 *  append with its sync (0.17 ms against 0.41 ms with 8 KiB, equal above) and for a page read, and wrote
 *  256 scattered pages of 2048 in 75 rows instead of 256. */
export const CHUNK_BYTES = 32_768
/** Of files that another version wrote. */
const CHUNK_BYTES_MAX = 1_048_576
const CHUNKS_MAX = 2 ** 32
const FILE_ID_MAX = 2 ** 20

export type ObjectFileRow = {
  readonly id: number
  readonly chunkBytes: number
  /** Where the last chunk ends. */
  readonly sizeBytes: number
}

/** Index from 0 within the file. */
export type Chunk = { readonly index: number; readonly bytes: Uint8Array }

export type ChunkChanges = {
  /** Chunks from this one on are deleted first. */
  readonly deleteFrom: number | undefined
  readonly deleted: readonly number[]
  readonly written: readonly Chunk[]
}

export type ObjectTables = {
  create(): void
  listFiles(database: string): readonly string[]
  /** Every database that has a file, with the bytes that its chunks may take: no chunk is read for it. */
  listDatabases(): readonly { readonly database: string; readonly sizeBytes: number }[]
  /** Bytes of a file; undefined where there is none. */
  sizeOf(database: string, name: string): number | undefined
  /** Makes the file where it is missing. */
  openFile(database: string, name: string): ObjectFileRow
  removeFile(database: string, name: string): void
  /** The stored chunks between two, both included. */
  readChunks(file: ObjectFileRow, first: number, last: number): readonly Chunk[]
  /** Up to `length` stored bytes of one chunk. */
  readPart(file: ObjectFileRow, index: number, start: number, length: number): Uint8Array
  /** All of it or, when it throws, nothing. */
  change(file: ObjectFileRow, changes: ChunkChanges): void
  /** Bytes of the whole object's database. */
  sizeBytes(): number
  sync(): Promise<void>
}

export function createObjectTables(storage: ObjectStorage, meter: RowMeter): ObjectTables {
  const run: Run = (query, ...bindings) => {
    const cursor = storage.sql.exec(query, ...bindings)
    const rows = [...cursor]
    meter.rowsWritten += cursor.rowsWritten
    return rows
  }
  const changing = <T>(action: string, task: () => T): T =>
    attempt(action, () => storage.transactionSync(task))
  return {
    create: () =>
      changing('make its tables', () => {
        for (const statement of CREATE) run(statement)
      }),
    listFiles: (database) =>
      attempt('list files', () => {
        const rows = run('SELECT name FROM constellite_files WHERE database = ?', database)
        return rows.map(({ name }) => String(name))
      }),
    listDatabases: () =>
      attempt('list databases', () =>
        run(LIST_DATABASES).map((row) => ({
          database: String(row['database']),
          sizeBytes: numberOf(row['size']),
        })),
      ),
    sizeOf: (database, name) =>
      attempt(`size ${name}`, () => findFile(run, database, name)?.sizeBytes),
    openFile: (database, name) =>
      changing(
        `open ${name}`,
        () => findFile(run, database, name) ?? makeFile(run, database, name),
      ),
    removeFile: (database, name) =>
      changing(`remove ${name}`, () => {
        const file = findFile(run, database, name)
        if (file === undefined) return
        run(DELETE_BETWEEN, placeOf(file, 0), placeOf(file, CHUNKS_MAX - 1))
        run('DELETE FROM constellite_files WHERE id = ?', file.id)
      }),
    readChunks: (file, first, last) =>
      attempt('read', () =>
        run(READ_BETWEEN, placeOf(file, first), placeOf(file, last)).map((row) => ({
          index: numberOf(row['place']) - placeOf(file, 0),
          bytes: bytesOf(row['bytes']),
        })),
      ),
    readPart: (file, index, start, length) =>
      attempt('read', () => {
        const [row] = run(READ_PART, start + 1, length, placeOf(file, index))
        return row === undefined ? new Uint8Array(0) : bytesOf(row['bytes'])
      }),
    change: (file, changes) => changing('write', () => changeChunks(run, file, changes)),
    sizeBytes: () => attempt('size', () => storage.sql.databaseSize),
    sync: async () => {
      try {
        await storage.sync()
      } catch (error) {
        throw objectFailure('sync', error)
      }
    },
  }
}

const CREATE: readonly string[] = [
  `CREATE TABLE IF NOT EXISTS constellite_files (id INTEGER PRIMARY KEY, database TEXT NOT NULL,
    name TEXT NOT NULL, chunk_bytes INTEGER NOT NULL, UNIQUE (database, name))`,
  `CREATE TABLE IF NOT EXISTS constellite_chunks (place INTEGER PRIMARY KEY, bytes BLOB NOT NULL)`,
]
/** By the place of each file's last chunk, found by the key. */
const LIST_DATABASES = `SELECT database, sum(chunk_bytes * (ifnull((SELECT max(place) FROM constellite_chunks
  WHERE place BETWEEN id << 32 AND (id << 32) + 4294967295), (id << 32) - 1) - (id << 32) + 1)) AS size
  FROM constellite_files GROUP BY database`
const READ_BETWEEN = 'SELECT place, bytes FROM constellite_chunks WHERE place BETWEEN ? AND ?'
const READ_PART = 'SELECT substr(bytes, ?, ?) AS bytes FROM constellite_chunks WHERE place = ?'
const READ_LAST = `SELECT place, length(bytes) AS size FROM constellite_chunks
  WHERE place BETWEEN ? AND ? ORDER BY place DESC LIMIT 1`
const DELETE_BETWEEN = 'DELETE FROM constellite_chunks WHERE place BETWEEN ? AND ?'
const WRITE = 'INSERT OR REPLACE INTO constellite_chunks (place, bytes) VALUES (?, ?)'

type Run = (
  query: string,
  ...bindings: (ArrayBuffer | string | number)[]
) => readonly Record<string, ArrayBuffer | string | number | null>[]

function findFile(run: Run, database: string, name: string): ObjectFileRow | undefined {
  const [row] = run(
    'SELECT id, chunk_bytes FROM constellite_files WHERE database = ? AND name = ?',
    database,
    name,
  )
  if (row === undefined) return undefined
  const file = { id: numberOf(row['id']), chunkBytes: numberOf(row['chunk_bytes']), sizeBytes: 0 }
  if (file.chunkBytes < 1 || file.chunkBytes > CHUNK_BYTES_MAX) throw damaged()
  const [last] = run(READ_LAST, placeOf(file, 0), placeOf(file, CHUNKS_MAX - 1))
  if (last === undefined) return file
  const index = numberOf(last['place']) - placeOf(file, 0)
  return { ...file, sizeBytes: index * file.chunkBytes + numberOf(last['size']) }
}

function makeFile(run: Run, database: string, name: string): ObjectFileRow {
  const [row] = run(
    'INSERT INTO constellite_files (database, name, chunk_bytes) VALUES (?, ?, ?) RETURNING id',
    database,
    name,
    CHUNK_BYTES,
  )
  const id = numberOf(row?.['id'])
  assert(id <= FILE_ID_MAX, 'an object has fewer files than numbers for them')
  return { id, chunkBytes: CHUNK_BYTES, sizeBytes: 0 }
}

function changeChunks(
  run: Run,
  file: ObjectFileRow,
  { deleteFrom, deleted, written }: ChunkChanges,
): void {
  if (deleteFrom !== undefined) {
    run(DELETE_BETWEEN, placeOf(file, deleteFrom), placeOf(file, CHUNKS_MAX - 1))
  }
  for (const index of deleted) run(DELETE_BETWEEN, placeOf(file, index), placeOf(file, index))
  // A copy, because a binding is the whole buffer under a view.
  for (const { index, bytes } of written) run(WRITE, placeOf(file, index), bytes.slice().buffer)
}

function placeOf({ id }: Pick<ObjectFileRow, 'id'>, index: number): number {
  assert(index >= 0 && index < CHUNKS_MAX, 'a file has fewer chunks than numbers for them')
  return id * CHUNKS_MAX + index
}

function numberOf(value: unknown): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value)) throw damaged()
  return value
}

function bytesOf(value: unknown): Uint8Array {
  if (!(value instanceof ArrayBuffer)) throw damaged()
  return new Uint8Array(value)
}

function damaged(): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrCorrupt',
    message: 'The tables of Constellite in this object hold something that it did not write.',
    hint: 'Leave the tables whose names begin with constellite_ to it.',
  })
}

function attempt<T>(action: string, task: () => T): T {
  try {
    return task()
  } catch (error) {
    throw objectFailure(action, error)
  }
}

/** The platform names its errors only in their messages. */
export function objectFailure(action: string, cause: unknown): ConstelliteError {
  if (cause instanceof ConstelliteError) return cause
  const message = cause instanceof Error ? cause.message : String(cause)
  if (/SQLITE_FULL|disk is full|storage limit/i.test(message)) {
    return quotaFailure('the database in the storage of its object', cause)
  }
  const isSqlMissing = /SQL is not enabled|reading 'exec'/i.test(message)
  return storageFailure({
    action,
    hint: isSqlMissing
      ? 'Name the class under new_sqlite_classes in the migrations of its Worker.'
      : `The object's storage said: ${message}`,
    cause,
  })
}
