/** A writer with relays asks for the head of its own chain before it writes, and not for long. */

import { describe, expect, it } from 'vitest'
import { ConstelliteError } from '../../src/base/failure.ts'
import type { Core } from '../../src/database/core.ts'
import { createLocalCore } from '../../src/database/local-core.ts'
import { ASK_MAX_MS } from '../../src/database/own-head.ts'
import { SYNC_OFF } from '../../src/database/status-idle.ts'
import type { Sync } from '../../src/replication/sync.ts'
import type { ManualHost } from '../../src/testing/manual-host.ts'
import {
  createFakeParts,
  createTestHost,
  rejection,
  settle,
  watchSettled,
} from './database-fixtures.ts'

type Opened = { readonly core: Core; readonly host: ManualHost; readonly answer: () => void }

const syncOf = (asked: Promise<void>): Sync => ({
  status: SYNC_OFF,
  anchored: undefined,
  asked,
  onStatus: () => () => undefined,
  untilShared: async () => undefined,
  stop: async () => undefined,
})

async function openAsking(): Promise<Opened> {
  const host = createTestHost()
  let answer: () => void = () => undefined
  const asked = new Promise<void>((resolve) => {
    answer = resolve
  })
  const parts = await createFakeParts({ host, migrations: ['CREATE TABLE t (x)'] })
  const core = createLocalCore({
    ...parts,
    relayCount: 1,
    startSync: () => syncOf(asked),
  })
  await core.prepare({ onProgress: () => undefined })
  core.startSync()
  return { core, host, answer }
}

/** Opened with a migration that is still to run, and not prepared yet. */
async function openMigrating(isNew = false) {
  const host = createTestHost()
  const parts = await createFakeParts({ host, migrations: ['CREATE TABLE t (x)'], isNew })
  let answer: () => void = () => undefined
  const asked = new Promise<void>((resolve) => {
    answer = resolve
  })
  const core = createLocalCore({ ...parts, relayCount: 1, startSync: () => syncOf(asked) })
  core.startSync()
  return { core, parts, host, answer, prepare: () => core.prepare({ onProgress: () => undefined }) }
}

const insert = { sql: 'INSERT INTO t VALUES (1)', parameters: [] }
const select = { sql: 'SELECT x FROM t', parameters: [] }
const call = { caller: 1 }

describe('the first write of an opening', () => {
  it('waits for the relays’ answer, and what is asked after it waits behind it', async () => {
    const { core, answer } = await openAsking()
    expect(await core.all(select, call)).toEqual([])
    const writing = watchSettled(core.run(insert, call))
    const reading = core.all(select, call)
    await settle()
    expect(writing.isSettled).toBe(false)
    answer()
    expect(await reading).toEqual([{ x: 1 }])
    await core.run(insert, call)
  })

  it('goes on after a while when nobody answers', async () => {
    const { core, host } = await openAsking()
    const writing = watchSettled(core.run(insert, call))
    await host.advance(ASK_MAX_MS - 1)
    await settle()
    expect(writing.isSettled).toBe(false)
    await host.advance(1)
    await settle()
    expect(writing.isSettled).toBe(true)
  })

  it('is taken back by its signal, and done before a close that was called after it', async () => {
    const { core, answer } = await openAsking()
    const abort = new AbortController()
    const aborted = rejection(core.run(insert, { ...call, signal: abort.signal }))
    const writing = core.run(insert, call)
    const closing = watchSettled(core.close())
    abort.abort()
    expect((await aborted).code).toBe('ErrAborted')
    await settle()
    expect(closing.isSettled).toBe(false)
    answer()
    expect((await writing).changes).toBe(1)
    await settle()
    expect(closing.isSettled).toBe(true)
  })
})

describe('a migration that is still to run', () => {
  it('waits for the relays’ answer like every first write', async () => {
    const { parts, answer, prepare } = await openMigrating()
    const preparing = watchSettled(prepare())
    await settle()
    expect([preparing.isSettled, parts.shard.head.seq]).toEqual([false, 1n])
    answer()
    await settle()
    expect([preparing.isSettled, parts.shard.head.seq]).toEqual([true, 2n])
  })

  it('waits for no longer than a write, and not at all in a database that was just made', async () => {
    const { host, prepare } = await openMigrating()
    const preparing = watchSettled(prepare())
    await host.advance(ASK_MAX_MS)
    await settle()
    expect(preparing.isSettled).toBe(true)
    const made = await openMigrating(true)
    await made.prepare()
    expect(made.parts.shard.head.seq).toBe(2n)
  })

  it('is not asked for when all have run', async () => {
    const first = await openMigrating(true)
    await first.prepare()
    const { shard } = first.parts
    const parts = await createFakeParts({ shard, migrations: ['CREATE TABLE t (x)'] })
    const never = new Promise<void>(() => undefined)
    const core = createLocalCore({ ...parts, relayCount: 1, startSync: () => syncOf(never) })
    core.startSync()
    await core.prepare({ onProgress: () => undefined })
    expect(shard.head.seq).toBe(2n)
  })

  it('tells why the copy stopped when the answer was that it may not write', async () => {
    const { parts, answer, prepare } = await openMigrating()
    const refused = rejection(prepare())
    parts.shard.haltedNow = new ConstelliteError({
      hint: 'Try it.',
      code: 'ErrSuperseded',
      message: 'Handed over.',
    })
    answer()
    expect((await refused).code).toBe('ErrSuperseded')
  })

  it('makes an import wait too', async () => {
    const { core, answer } = await openMigrating()
    const importing = rejection(core.importFile(new Uint8Array(3), {}))
    const watched = watchSettled(importing)
    await settle()
    expect(watched.isSettled).toBe(false)
    answer()
    expect((await importing).code).toBe('ErrNotSqlite')
  })
})
