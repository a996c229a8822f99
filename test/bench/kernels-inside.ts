/** `npm run bench -- kernels-inside`: what it saves to hash and to diff a page where it lies in SQLite's heap,
 *  alone and in the commits of a real database.  Ours is an instance of the kernel in SQLite's memory, peer
 *  the kernel as it is used, which copies the page into a memory of its own.
 *  In memory, so that no disk counts, and in processor time.  The decision that rests on this is in wasm/README.md. */

import { readFileSync } from 'node:fs'
import { createKernel } from '../../src/crypto/kernel.ts'
import { attachKernel, type KernelExports } from '../../src/crypto/kernel-instance.ts'
import type { Delta, Kernel } from '../../src/crypto/kernel-interface.ts'
import { useKernel } from '../../src/crypto/kernel-slot.ts'
import { createEngine } from '../../src/sqlite/engine.ts'
import { loadSqliteNode } from '../../src/sqlite/load-node.ts'
import type { Pointer, Sqlite3, SqliteCallback } from '../../src/sqlite/module.ts'
import type { PageSpace } from '../../src/sqlite/page-space.ts'
import { createManualHost } from '../../src/testing/manual-host.ts'
import { openOn, randomBytes } from './catch-up.ts'
import { processorNow } from './clock.ts'
import { noise } from './kernels-cases.ts'
import { type Line, measurePair, type Side } from './pairs.ts'

const PAGE_BYTES = 8192
const REPETITIONS = 15
const COMMITS = 500
const CALLS = 5000
const ROWS = 20_000
const RUNS_ENOUGH_BYTES = 48

/** The kernel in SQLite's memory, and room there for an old page, a new one and two results. */
type Inside = {
  readonly run: KernelExports
  readonly place: Pointer
  heap(): Uint8Array
}

export async function kernelsInside(say: (line: Line) => void): Promise<void> {
  const binary = readFileSync(new URL('../../src/crypto/kernel.wasm', import.meta.url))
  const module = new WebAssembly.Module(binary)
  const kernel = createKernel(module, randomBytes)
  useKernel(kernel)
  const sqlite3 = await loadSqliteNode()
  const inside = attach(module, sqlite3)
  const pair = async (name: string, note: string, ours: Side, peer: Side): Promise<void> => {
    const facts = { case: name, unit: 'µs', note, repetitions: REPETITIONS }
    say(await measurePair('kernels-inside', { ...facts, ours, peer }))
  }
  const note = 'in SQLite’s heap, peer copies the page into the kernel’s memory'
  await pagePairs(kernel, inside, (name, ours, peer) => pair(name, note, ours, peer))
  const database = await openDatabase(kernel, inside)
  const commits = 'one transaction, in memory; ours diffs where the page lies, peer as it is'
  for (const { name, sql } of WORKLOADS) {
    const cost = (delta: Delta) => () => database.costOfCommits(sql, delta)
    await pair(`a commit, ${name}`, commits, cost(database.inPlace), cost(kernel.delta))
  }
  await database.close()
}

const WORKLOADS = [
  {
    name: 'update of a number in one row',
    sql: 'UPDATE t SET n = n + 1 WHERE id = ?1 * 7919 % 20000',
  },
  {
    name: 'insert of one row',
    sql: "INSERT INTO t (n, body) VALUES (?1, 'the body of a new row')",
  },
]

function attach(module: WebAssembly.Module, sqlite3: Sqlite3): Inside {
  // The package offers its memory too, which src/sqlite has no use for.
  const { memory } = sqlite3.wasm as unknown as { memory: WebAssembly.Memory }
  const allocate = (sizeBytes: number): Pointer => sqlite3.wasm.exports.sqlite3_malloc(sizeBytes)
  const { run } = attachKernel(module, { memory, allocate })
  return {
    run,
    place: (allocate(4 * PAGE_BYTES + 16) + 15) & ~15,
    heap: () => sqlite3.wasm.heap8u(),
  }
}

type PagePair = (name: string, ours: Side, peer: Side) => Promise<void>

/** A page that lies in SQLite's heap, and its old image in JavaScript, where the page store has it. */
async function pagePairs(kernel: Kernel, inside: Inside, pair: PagePair): Promise<void> {
  const { run, place } = inside
  const old = noise(PAGE_BYTES, 1)
  const page = place + PAGE_BYTES
  const changed = old.slice()
  changed.fill(7, 4000, 4030)
  inside.heap().set(changed, page)
  const view = (): Uint8Array => inside.heap().subarray(page, page + PAGE_BYTES)
  const out = place + 2 * PAGE_BYTES
  await pair(
    'hash of a page of 8 KiB',
    timed(() => {
      run.blake3(0, 0, page, PAGE_BYTES, out, 32)
      return inside.heap().slice(out, out + 32)
    }),
    timed(() => kernel.blake3(view())),
  )
  const delta = createDeltaInPlace(inside, kernel.delta)
  delta.places.set(changed, page)
  await pair(
    'delta of a page of 8 KiB, 30 bytes changed',
    timed(() => delta.encode(old, changed)),
    timed(() => kernel.delta.encode(old, changed)),
  )
}

function timed(work: () => unknown): Side {
  return async () => {
    const begin = processorNow()
    for (let call = 0; call < CALLS; call++) work()
    return ((processorNow() - begin) * 1000) / CALLS
  }
}

type DeltaInPlace = Delta & {
  /** Where the new pages lie in SQLite's heap, by their images in JavaScript. */
  readonly places: Map<Uint8Array, Pointer>
}

/** The rule of FORMATS §7 with the new page where it lies; the old one has to be copied in either way, and
 *  LZ4 wants the new one behind it. */
function createDeltaInPlace({ run, place, heap }: Inside, delta: Delta): DeltaInPlace {
  const places = new Map<Uint8Array, Pointer>()
  return {
    places,
    apply: delta.apply,
    encode(oldPage, newPage) {
      const page = places.get(newPage)
      if (page === undefined) return delta.encode(oldPage, newPage)
      const bytes = heap()
      const size = oldPage.byteLength
      const out = place + 2 * PAGE_BYTES
      bytes.set(oldPage, place)
      const runs = run.delta_runs(place, page, size, out)
      if (runs === 0) return undefined
      if (runs > 0 && runs <= RUNS_ENOUGH_BYTES) {
        return { encoding: 'runs', bytes: bytes.slice(out, out + runs) }
      }
      bytes.copyWithin(place + size, page, page + size)
      const answer = run.delta_encode(place, size, out)
      const from = answer < 0 ? out + size : out
      const encoding = (['full', 'runs', 'lz4'] as const)[answer & 3]
      if (encoding === undefined || encoding === 'full') return { encoding: 'full', bytes: newPage }
      return { encoding, bytes: bytes.slice(from, from + ((answer & 0x7fffffff) >>> 2)) }
    },
  }
}

type Database = {
  readonly inPlace: Delta
  costOfCommits(sql: string, delta: Delta): Promise<number>
  close(): Promise<void>
}

/** SQLite over the page VFS over a shard; where SQLite's own pages lie is noted as it writes them. */
async function openDatabase(kernel: Kernel, inside: Inside): Promise<Database> {
  const shard = await openOn(undefined)
  const pointers = new Map<number, Pointer>()
  const inPlace = createDeltaInPlace(inside, kernel.delta)
  const space: PageSpace = {
    pages: shard.pages,
    isReadOnly: false,
    commit(transaction) {
      inPlace.places.clear()
      for (const [pgno, image] of transaction.changes) {
        const pointer = pointers.get((pgno - 1) * transaction.pageSize)
        if (pointer !== undefined) inPlace.places.set(image, pointer)
      }
      pointers.clear()
      shard.commit(transaction)
    },
  }
  const load = async (): Promise<Sqlite3> => notingWrites(await loadSqliteNode(), pointers)
  const engine = await createEngine({ load, space, host: createManualHost() })
  const writer = engine.connect('writer')
  writer.exec(`CREATE TABLE t (id INTEGER PRIMARY KEY, n INT, body TEXT);
    WITH RECURSIVE i (x) AS (SELECT 0 UNION ALL SELECT x + 1 FROM i WHERE x < ${ROWS - 1})
    INSERT INTO t SELECT x, x, 'body of row number ' || x FROM i`)
  let count = 0
  return {
    inPlace,
    async costOfCommits(sql, delta) {
      useKernel({ ...kernel, delta })
      const begin = processorNow()
      for (let commit = 0; commit < COMMITS; commit++) writer.run(sql, [++count])
      const elapsed = processorNow() - begin
      // What both sides have to write to the log counts for neither.
      await shard.flush()
      return (elapsed * 1000) / COMMITS
    },
    async close() {
      engine.close()
      await shard.flush()
    },
  }
}

/** The loaded build with a VFS whose writes note the place in the heap. */
function notingWrites(sqlite3: Sqlite3, pointers: Map<number, Pointer>): Sqlite3 {
  type Install = Sqlite3['vfs']['installVfs']
  const installVfs: Install = ({ io, vfs }) => {
    // The method of src/sqlite/vfs.ts, whose signature is C's.
    const write = io.methods['xWrite'] as unknown as (...args: WriteArguments) => number
    const xWrite = (...args: WriteArguments): number => {
      pointers.set(Number(args[3]), args[1])
      return write(...args)
    }
    // C calls it with exactly these.
    const methods = { ...io.methods, xWrite: xWriteOf(xWrite) }
    return sqlite3.vfs.installVfs({ io: { struct: io.struct, methods }, vfs })
  }
  return Object.assign(Object.create(sqlite3), { vfs: { ...sqlite3.vfs, installVfs } })
}

type WriteArguments = [file: Pointer, buffer: Pointer, sizeBytes: number, at: bigint]

/** Four arguments by name, because the package compares their number with C's. */
function xWriteOf(write: (...args: WriteArguments) => number): SqliteCallback {
  return (file: Pointer, buffer: Pointer, sizeBytes: number, at: bigint) =>
    write(file, buffer, sizeBytes, at)
}
