/** `open(name, { repair: true })` on Node: a damaged log is refused, repaired on request, and what was lost is
 *  kept in a file and comes back from the relay. */

import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { follow } from '../../src/database/options.ts'
import { groupsOf } from '../support/rewrite-log.ts'
import {
  arrived,
  copyFolder,
  folderOf,
  opened,
  published,
  publishing,
  rows,
  withRelay,
} from './hands-fixtures.ts'

withRelay()

/** Flips a byte in one of the first groups behind the start of the newest segment; answers the file. */
function damage(name: string): { readonly file: string; readonly bytes: Uint8Array } {
  for (const log of readdirSync(folderOf(name)).filter((one) => one.startsWith('log-'))) {
    const path = join(folderOf(name), log)
    const bytes = new Uint8Array(readFileSync(path))
    const groups = groupsOf(bytes)
    const second = groups[1]
    if (groups.length < 4 || second === undefined) continue
    bytes[second.bodyAt + 9] = (bytes[second.bodyAt + 9] as number) ^ 1
    writeFileSync(path, bytes)
    return { file: log, bytes }
  }
  throw new Error('a segment has some groups')
}

/** As a crash leaves it: copied while it is open and at rest. */
async function crashed(name: string): Promise<string> {
  const address = await published(name)
  const db = opened(name, { sync: publishing() })
  for (let x = 2; x <= 5; x++) await db.run('INSERT INTO t VALUES (?)', [x])
  await db.until('shared')
  copyFolder(name, `${name}-crashed`)
  await db.close()
  return address
}

it('goes on from what is before the damage, and takes what was lost from the relay', async () => {
  await crashed('writer')
  const { file, bytes } = damage('writer-crashed')
  const refused = opened('writer-crashed', { sync: publishing() })
  await expect(refused.ready).rejects.toMatchObject({ code: 'ErrCorrupt' })
  const db = opened('writer-crashed', { repair: true, sync: publishing() })
  const { repaired } = await db.ready
  expect(repaired).toEqual({ seq: 3n, frames: 4, file: 'damaged-1.log' })
  const kept = readFileSync(join(folderOf('writer-crashed'), 'damaged-1.log'))
  expect(kept.includes(file)).toBe(true)
  expect(kept.includes(Buffer.from(bytes))).toBe(true)
  await db.run('INSERT INTO t VALUES (6)')
  expect(await rows(db)).toEqual([1, 2, 3, 4, 5, 6])
  await db.until('shared')
  expect(db.status.failure).toBeUndefined()
  expect(await db.verify()).toMatchObject({ ok: true })
  await db.close()
  const again = opened('writer-crashed', { repair: true })
  expect((await again.ready).repaired).toBeUndefined()
})

it('begins anew in a copy that follows, where the pages are of what was lost', async () => {
  const address = await published('followed')
  const writer = opened('followed', { sync: publishing() })
  const copy = opened('follower', { sync: follow(address) })
  await arrived(copy, 3n)
  await copy.close()
  const again = opened('follower', { sync: follow(address) })
  for (let x = 2; x <= 5; x++) {
    const { seq } = await writer.run('INSERT INTO t VALUES (?)', [x])
    await arrived(again, seq)
  }
  copyFolder('follower', 'broken')
  damage('broken')
  const pages = join(folderOf('broken'), 'pages-0')
  writeFileSync(pages, readFileSync(pages).fill(7, 4000, 4010))
  const refused = opened('broken', { sync: follow(address) })
  await expect(refused.ready).rejects.toMatchObject({ code: 'ErrCorrupt' })
  const mended = opened('broken', { repair: true, sync: follow(address) })
  expect((await mended.ready).repaired).toMatchObject({ seq: 0n, file: 'damaged-1.log' })
  await arrived(mended, writer.status.seq)
  expect(await rows(mended)).toEqual([1, 2, 3, 4, 5])
  expect(await mended.verify()).toMatchObject({ ok: true })
})
