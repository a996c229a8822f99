/** A folder that was copied and written on both sides, on Node: the copy that is found to have forked stays
 *  halted however it is opened again, and is left by following under a new name. */

import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { follow, publish } from '../../src/database/options.ts'
import type { Status } from '../../src/database/types.ts'
import { createNodeHost } from '../../src/platform/host-node.ts'
import { open } from '../../src/platform/node.ts'
import { type RunningRelay, startRelay } from '../../src/relay/server-node.ts'
import { websocket } from '../../src/transport/websocket.ts'

const directory = mkdtempSync(join(tmpdir(), 'constellite-fork-'))
let relay: RunningRelay

beforeAll(async () => {
  relay = await startRelay({ runtime: createNodeHost(), dir: join(directory, 'relay'), port: 0 })
})
afterAll(async () => {
  await relay.close()
  rmSync(directory, { recursive: true, force: true })
})

const publishing = () => publish({ via: [websocket(relay.url)] })

function failed(db: {
  readonly status: Status
  onStatus(listener: (status: Status) => void): () => void
}): Promise<Status> {
  return new Promise((resolve) => {
    const look = (status: Status): void => {
      if (status.failure !== undefined) resolve(status)
    }
    db.onStatus(look)
    look(db.status)
  })
}

it('stays halted with both seals, opened with or without sync', async () => {
  const original = open(join(directory, 'one'), { sync: publishing() })
  const { address } = await original.ready
  await original.exec('CREATE TABLE t (x)')
  await original.until('shared')
  await original.close()
  cpSync(join(directory, 'one.constellite'), join(directory, 'two.constellite'), {
    recursive: true,
  })
  const first = open(join(directory, 'one'), { sync: publishing() })
  await first.run('INSERT INTO t VALUES (1)')
  await first.until('shared')
  await first.close()

  const offline = open(join(directory, 'two'))
  await offline.run('INSERT INTO t VALUES (2)')
  await offline.close()
  const forked = open(join(directory, 'two'), { sync: publishing() })
  await forked.ready
  const { failure } = await failed(forked)
  expect(failure?.code).toBe('ErrForked')
  await forked.close()

  for (const options of [{}, { sync: publishing() }, {}]) {
    const again = open(join(directory, 'two'), options)
    await again.ready
    expect(again.status.failure?.code).toBe('ErrForked')
    expect(again.status.failure?.facts).toEqual(failure?.facts)
    expect(again.status.failure?.hint).toContain('under a new name')
    await expect(again.run('INSERT INTO t VALUES (3)')).rejects.toMatchObject({
      code: 'ErrForked',
      facts: { ours: expect.any(Uint8Array), theirs: expect.any(Uint8Array) },
    })
    // What only this copy has can still be read.
    expect(await again.all('SELECT x FROM t')).toEqual([{ x: 2 }])
    expect((await again.verify()).pages).toBe('match')
    expect((await again.export()).size).toBeGreaterThan(0)
    await again.close()
  }
  const anew = open(join(directory, 'three'), { sync: follow(address) })
  expect(await anew.all('SELECT x FROM t')).toEqual([{ x: 1 }])
  await anew.close()
}, 20_000)
