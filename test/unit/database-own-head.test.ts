/** A writer with relays asks for the head of its own chain before it writes, and not for long. */

import { describe, expect, it } from 'vitest'
import type { Core } from '../../src/database/core.ts'
import { createLocalCore } from '../../src/database/local-core.ts'
import { ASK_MAX_MS } from '../../src/database/own-head.ts'
import { SYNC_OFF } from '../../src/database/status.ts'
import type { ManualHost } from '../../src/testing/manual-host.ts'
import {
  createFakeParts,
  createTestHost,
  rejection,
  settle,
  watchSettled,
} from './database-fixtures.ts'

type Opened = { readonly core: Core; readonly host: ManualHost; readonly answer: () => void }

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
    startSync: () => ({
      status: SYNC_OFF,
      anchored: undefined,
      asked,
      onStatus: () => () => undefined,
      untilShared: async () => undefined,
      stop: async () => undefined,
    }),
  })
  await core.prepare({ onProgress: () => undefined })
  core.startSync()
  return { core, host, answer }
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
