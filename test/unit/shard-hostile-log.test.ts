/** A log whose checksums fit and whose contents nobody of ours would write: opening refuses it with a typed
 *  failure and never breaks an invariant.  Found by `npm run fuzz`, target "shard folder". */

import { expect, it } from 'vitest'
import type { MemoryDisk } from '../../src/storage/memory.ts'
import { createMemoryDevice } from '../../src/storage/memory.ts'
import { createManualHost } from '../../src/testing/manual-host.ts'
import { RECORD_START } from '../../src/wal/layout.ts'
import { groupsOf, rewriteRecords } from '../support/rewrite-log.ts'
import { rejection } from './database-fixtures.ts'
import { cloneDisk, commit, drive, openOn, openWriter } from './shard-fixtures.ts'

const PAGE_SIZE_OFFSET = 133
const PAGE_COUNT_OFFSET = 137
/** Behind the length of the name. */
const PAGE_FILE_OFFSET = 144

/** A disk as a crash left it, with these four bytes in its start mark. */
async function diskWithStart(offset: number, value: number): Promise<MemoryDisk> {
  const { shard, disk } = await openWriter()
  await commit(shard, { 1: 1, 2: 2 })
  const copy = cloneDisk(disk)
  const file = copy.files.get('log-0')
  if (file === undefined) throw new Error('the log is one file')
  const bytes = new Uint8Array(file.size)
  file.read(0, bytes)
  const changed = rewriteRecords(bytes, ({ type, content }) => {
    const next = content.slice()
    if (type === RECORD_START) new DataView(next.buffer).setUint32(offset, value)
    return { type, content: next }
  })
  file.write(0, changed)
  return copy
}

async function refusalOf(disk: MemoryDisk): Promise<string> {
  const host = createManualHost()
  return (await rejection(openOn(createMemoryDevice(host, disk), host))).code
}

it('refuses a start mark whose page size is none of SQLite', async () => {
  expect(await refusalOf(await diskWithStart(PAGE_SIZE_OFFSET, 3))).toBe('ErrCorrupt')
  expect(await refusalOf(await diskWithStart(PAGE_SIZE_OFFSET, 2 ** 20))).toBe('ErrCorrupt')
})

it('takes no name of a file from a start mark that it repairs', async () => {
  const { shard, disk } = await openWriter()
  for (const fill of [1, 2, 3, 4, 5]) {
    await commit(shard, { 1: fill })
    await shard.seal()
  }
  await shard.flush()
  const copy = cloneDisk(disk)
  const file = copy.files.get('log-0')
  const bytes = new Uint8Array(file?.size ?? 0)
  file?.read(0, bytes)
  const changed = rewriteRecords(bytes, ({ type, content }) => {
    const next = content.slice()
    if (type === RECORD_START) next.set(new TextEncoder().encode('..%f'), PAGE_FILE_OFFSET)
    return { type, content: next }
  })
  const damaged = (groupsOf(changed)[3]?.bodyAt ?? 0) + 9
  changed[damaged] = (changed[damaged] as number) ^ 1
  file?.write(0, changed)
  const host = createManualHost()
  const opening = openOn(createMemoryDevice(host, copy), host, { repair: true })
  const opened = await drive(host, opening).then(
    ({ id }) => id,
    ({ code }) => code,
  )
  expect(['ErrCorrupt', shard.id]).toContainEqual(opened)
})

it('refuses a start mark with pages that have no size', async () => {
  expect(await refusalOf(await diskWithStart(PAGE_COUNT_OFFSET, 4))).toBe('ErrCorrupt')
})

it('refuses a start mark with more pages than a database has, before it makes room for them', async () => {
  expect(await refusalOf(await diskWithStart(PAGE_COUNT_OFFSET, 0xffff_ffff))).toBe('ErrCorrupt')
})
