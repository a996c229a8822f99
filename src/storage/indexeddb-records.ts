/** The records of one database in IndexedDB, and the transactions over them.
 *  Keeps: everything that writes goes through `change`, one transaction that checks the owner's number and
 *  is complete, with strict durability, or leaves nothing; at most `WAITING_BYTES_MAX` wait in it at a time.
 *  Spec: Indexed Database API 3.0, §2.7 (transactions).  Layout: table in indexeddb-layout.ts. */

import { type IDBPDatabase, type IDBPTransaction, openDB } from 'idb'
import { assert } from '../base/assert.ts'
import type { Host, Timer } from '../base/host.ts'
import { attempt, browserFailure, nameOf } from './browser-errors.ts'
import { clearedFailure, type Owner, ownershipLostFailure, storageFailure } from './failures.ts'
import {
  CHUNK_BYTES,
  CHUNKS_MAX,
  checkFile,
  chunksOf,
  FILE_ID_MAX,
  type FileChanges,
  type FileRecord,
  type OpenedFile,
  OWNER_KEY,
  type OwnerRecord,
  type Records,
  STORES,
  unreadable,
  VERSION,
  withoutZeros,
} from './indexeddb-layout.ts'
import { isTime } from './owner-text.ts'

/** Chunks of a read, so that a large file is not in memory twice. */
const READ_CHUNKS = 256
/** Handed to the browser and not yet taken by it. */
const WAITING_BYTES_MAX = 4 << 20
/** A deletion that waits for another tab keeps everybody waiting, without an event. */
const OPEN_MS = 10_000

type Writing = IDBPTransaction<Records, typeof STORES, 'readwrite'>

export type IndexedDbRecords = {
  list(): Promise<readonly string[]>
  /** As it was last written out; undefined when there is no such file. */
  sizeOf(name: string): Promise<number | undefined>
  /** Makes the file where it is missing. */
  openFile(name: string): Promise<OpenedFile>
  removeFile(name: string): Promise<void>
  /** Resolves when all changes survive power loss; rejects when none of them was made. */
  writeOut(changes: readonly FileChanges[]): Promise<void>
  /** Why nothing can be written any more. */
  readonly lost: Error | undefined
  close(): void
}

export type RecordsOptions = {
  readonly host: Host
  /** Of the Constellite database, for messages. */
  readonly name: string
  readonly database: string
}

type State = RecordsOptions & {
  readonly connection: IDBPDatabase<Records>
  number: number
  lost: Error | undefined
  lastId: number
}

/** Opens the records and makes this the owner: whoever was it before cannot write any more. */
export async function openRecords(options: RecordsOptions): Promise<IndexedDbRecords> {
  const { name } = options
  let state: State | undefined
  const lose = (failure: Error): void => {
    if (state !== undefined) state.lost ??= failure
  }
  const connection = await openConnection(options, lose)
  try {
    state = { ...options, connection, number: 0, lost: undefined, lastId: 0 }
    await becomeOwner(state)
  } catch (error) {
    connection.close()
    throw browserFailure(`open the database ${JSON.stringify(name)}`, error)
  }
  return recordsOf(state)
}

function recordsOf(state: State): IndexedDbRecords {
  const { connection } = state
  return {
    list: () => attempt('list the files', () => connection.getAllKeys('files')),
    sizeOf: (name) =>
      attempt(`size ${name}`, async () => (await connection.get('files', name))?.sizeBytes),
    openFile: (name) =>
      attempt(`open ${name}`, async () => {
        const file = (await connection.get('files', name)) ?? (await makeFile(state, name))
        checkFile(file)
        return { file, image: { sizeBytes: file.sizeBytes, chunks: await readChunks(state, file) } }
      }),
    removeFile: (name) =>
      change(state, `remove ${name}`, async (writing) => {
        const file = await writing.objectStore('files').get(name)
        if (file === undefined) return
        told(writing.objectStore('chunks').delete(chunksOf(file, 0)))
        told(writing.objectStore('files').delete(name))
      }),
    writeOut: (all) =>
      change(state, `write ${all.map(({ name }) => name).join(', ')}`, async (writing) => {
        for (const one of all) await putChanges(writing, one)
      }),
    get lost() {
      return state.lost
    },
    close: () => connection.close(),
  }
}

function openConnection(
  { host, name, database }: RecordsOptions,
  lose: (failure: Error) => void,
): Promise<IDBPDatabase<Records>> {
  return attempt(`open the database ${JSON.stringify(name)} in IndexedDB`, async () => {
    const opening = openDB<Records>(database, VERSION, {
      upgrade: (made) => {
        for (const store of STORES) made.createObjectStore(store)
      },
      // Somebody deletes it, who must own it: this is an owner that was asleep.
      blocking: (_current, _next, event) => {
        lose(ownershipLostFailure(name, 'it is being deleted'))
        // The event is the connection's own.
        ;(event.target as IDBDatabase).close()
      },
      terminated: () => lose(clearedFailure(name)),
    })
    let timer: Timer | undefined
    const late = new Promise<never>((_resolve, reject) => {
      timer = host.setTimer(OPEN_MS, () => {
        reject(silent(name))
        // Should it open after all, nobody uses it.
        opening.then((connection) => connection.close()).catch(() => undefined)
      })
    })
    try {
      return await Promise.race([opening, late])
    } finally {
      timer?.cancel()
    }
  })
}

async function becomeOwner(state: State): Promise<void> {
  const { connection, host } = state
  const writing = connection.transaction(STORES, 'readwrite', { durability: 'strict' })
  const owners = writing.objectStore('owner')
  const before = await owners.get(OWNER_KEY)
  state.number = (before?.number ?? 0) + 1
  told(owners.put({ number: state.number, who: host.who, since: host.now() }, OWNER_KEY))
  const files = await writing.objectStore('files').getAll()
  state.lastId = files.reduce((last, { id }) => Math.max(last, id), 0)
  await writing.done
}

/** Runs `write` in one transaction; rejects when it did not become durable as a whole. */
async function change(
  state: State,
  action: string,
  write: (writing: Writing) => Promise<void>,
): Promise<void> {
  if (state.lost !== undefined) throw state.lost
  let writing: Writing | undefined
  try {
    writing = state.connection.transaction(STORES, 'readwrite', { durability: 'strict' })
    const { done } = writing
    told(done)
    const owner = await writing.objectStore('owner').get(OWNER_KEY)
    if (owner?.number !== state.number) {
      throw ownershipLostFailure(state.name, 'another tab has opened it', ownerOf(owner))
    }
    await write(writing)
    await done
  } catch (error) {
    const failure = failureOf(state, { action, error, writing })
    abort(writing)
    throw failure
  }
}

function failureOf(
  state: State,
  tried: {
    readonly action: string
    readonly error: unknown
    readonly writing: Writing | undefined
  },
): Error {
  // A request of an aborted transaction says AbortError; why, only the transaction knows.
  const cause = tried.writing?.error ?? tried.error
  // The connection was closed under us before its event came.
  const isGone = nameOf(cause) === 'InvalidStateError'
  const failure = isGone ? clearedFailure(state.name, cause) : browserFailure(tried.action, cause)
  if (isGone || failure.code === 'ErrInUse') state.lost ??= failure
  return state.lost ?? failure
}

/** What fails in a transaction is told by the transaction, which `change` awaits. */
function told(request: Promise<unknown>): void {
  request.catch(() => undefined)
}

function abort(writing: Writing | undefined): void {
  try {
    writing?.abort()
  } catch {
    // It was over already.
  }
}

async function makeFile(state: State, name: string): Promise<FileRecord> {
  const file = { id: state.lastId + 1, sizeBytes: 0, chunkBytes: CHUNK_BYTES }
  assert(file.id < FILE_ID_MAX, 'a database has fewer files than numbers for them')
  await change(state, `make ${name}`, async (writing) => {
    told(writing.objectStore('files').put(file, name))
  })
  state.lastId = file.id
  return file
}

async function readChunks(
  { connection }: State,
  file: FileRecord,
): Promise<Map<number, Uint8Array<ArrayBuffer>>> {
  const found = new Map<number, Uint8Array<ArrayBuffer>>()
  const base = file.id * CHUNKS_MAX
  for (let first = 0; ; ) {
    const range = chunksOf(file, first)
    const chunks = connection.transaction('chunks').store
    const [keys, values] = await Promise.all([
      chunks.getAllKeys(range, READ_CHUNKS),
      chunks.getAll(range, READ_CHUNKS),
    ])
    for (const [at, key] of keys.entries()) {
      const bytes = values[at]
      if (bytes === undefined || bytes.length > file.chunkBytes) throw unreadable('chunks')
      const whole = new Uint8Array(file.chunkBytes)
      whole.set(bytes)
      found.set(key - base, whole)
    }
    const last = keys.at(-1)
    if (last === undefined || keys.length < READ_CHUNKS) return found
    first = last - base + 1
  }
}

async function putChanges(writing: Writing, { name, file, changes }: FileChanges): Promise<void> {
  const chunks = writing.objectStore('chunks')
  const { sizeBytes, deleteFrom } = changes
  told(writing.objectStore('files').put({ ...file, sizeBytes }, name))
  if (deleteFrom !== undefined) told(chunks.delete(chunksOf(file, deleteFrom)))
  let waitingBytes = 0
  for (const [index, chunk] of changes.chunks) {
    const key = file.id * CHUNKS_MAX + index
    const bytes = withoutZeros(chunk)
    const request: Promise<unknown> =
      bytes === undefined ? chunks.delete(key) : chunks.put(bytes, key)
    told(request)
    waitingBytes += bytes?.length ?? 0
    if (waitingBytes < WAITING_BYTES_MAX) continue
    await request
    waitingBytes = 0
  }
}

function ownerOf(owner: OwnerRecord | undefined): Owner | undefined {
  return isTime(owner?.since) ? { who: `${owner?.who}`, sinceMs: owner.since } : undefined
}

function silent(name: string): Error {
  return storageFailure({
    action: `open the database ${JSON.stringify(name)}: IndexedDB does not answer`,
    hint: 'Close other tabs of this site that may be asleep, then open it again.',
  })
}
