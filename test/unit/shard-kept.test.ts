/** What a superseded writer keeps: each head that was lost has a file of its own, and a log chooses no other. */

import { beforeEach, expect, it } from 'vitest'
import { ConstelliteError } from '../../src/base/failure.ts'
import { concatBytes } from '../../src/bytes/compare.ts'
import { formatHex } from '../../src/bytes/text.ts'
import { readRunFile } from '../../src/frame/run-file.ts'
import type { Shard } from '../../src/shard/shard.ts'
import { createMemoryDevice, type MemoryDisk } from '../../src/storage/memory.ts'
import { createSparseBytes, type SparseBytes } from '../../src/storage/sparse-bytes.ts'
import type { ManualHost } from '../../src/testing/manual-host.ts'
import { cloneDisk, commit, drive, OWNER, openHeir, openOn, openWriter } from './shard-fixtures.ts'

let host: ManualHost
let disk: MemoryDisk
let writer: Shard
let heir: Shard

beforeEach(async () => {
  const bench = await openWriter()
  host = bench.host
  disk = bench.disk
  writer = bench.shard
  await commit(writer, { 1: 1, 2: 2 })
  heir = (await openHeir(writer, 3)).shard
})

async function openAgain(on: MemoryDisk): Promise<Shard> {
  on.owner = undefined
  return drive(host, openOn(createMemoryDevice(host, on), host, { seed: 1 }))
}

/** The checksum of the last frame in the file that the halt names. */
async function lastKept(shard: Shard): Promise<Uint8Array | undefined> {
  const pieces: Uint8Array[] = []
  for await (const piece of shard.readKept(String(shard.halted?.facts['file']))) pieces.push(piece)
  const file = readRunFile(concatBytes(...pieces))
  return file.ok ? file.value.runs.at(-1)?.seal.checksum : undefined
}

function bytesOf(file: SparseBytes): Uint8Array {
  const bytes = new Uint8Array(file.size)
  file.read(0, bytes)
  return bytes
}

it('a second loss under the same hand-over has a file of its own beside the first', async () => {
  const backup = cloneDisk(disk)
  await heir.takeOver(OWNER)
  await commit(writer, { 1: 70 })
  expect(() => writer.adoptAuthority(heir.authority)).toThrow(/handed over/)
  expect(await lastKept(writer)).toEqual(writer.head.checksum)
  const first = String(writer.halted?.facts['file'])
  expect(first).toBe(`superseded-1-${formatHex(writer.head.checksum).slice(0, 8)}.runs`)
  // The backup is put over the folder, where that file stays.
  const kept = disk.files.get(first)
  if (kept === undefined) throw new Error('the file is in the folder')
  backup.files.set(first, kept)
  const before = bytesOf(kept)
  const restored = await openAgain(backup)
  await commit(restored, { 1: 80 })
  expect(() => restored.adoptAuthority(heir.authority)).toThrow(/handed over/)
  expect(await lastKept(restored)).toEqual(restored.head.checksum)
  expect(restored.halted?.facts['file']).not.toBe(first)
  expect(bytesOf(kept)).toEqual(before)
})

it('a whole file is left as it is at every later opening', async () => {
  await heir.takeOver(OWNER)
  await commit(writer, { 1: 70 })
  expect(() => writer.adoptAuthority(heir.authority)).toThrow(/handed over/)
  await lastKept(writer)
  await drive(host, writer.close())
  const kept = disk.files.get(String(writer.halted?.facts['file']))
  if (kept === undefined) throw new Error('the file is in the folder')
  // A mark that writing it again would take away.
  kept.write(kept.size, Uint8Array.of(7))
  const marked = bytesOf(kept)
  await openAgain(disk)
  expect(bytesOf(kept)).toEqual(marked)
})

it.each(['notes', 'superseded-1.snapshot', 'superseded-1.runs', 'superseded-1-0123abcd.runs.old'])(
  'a log that names %s as the file leaves it alone, and the writer stays stopped',
  async (file) => {
    const facts = { seq: 2n, epoch: 1n, file }
    const message = 'Handed over.'
    writer.halt(new ConstelliteError({ hint: 'Try it.', code: 'ErrSuperseded', message, facts }))
    await drive(host, writer.close())
    const other = createSparseBytes()
    other.write(0, new Uint8Array(64))
    disk.files.set(file, other)
    const again = await openAgain(disk)
    expect(again.halted).toMatchObject({ code: 'ErrSuperseded', facts: { seq: 2n, epoch: 1n } })
    expect(again.halted?.facts['file']).toBeUndefined()
    expect(again.halted?.hint).not.toContain(file)
    expect(bytesOf(other)).toEqual(new Uint8Array(64))
  },
)
