/** Databases in real folders on Node, and a Node relay that can be stopped: what the tests of changing hands
 *  share. */

import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, onTestFinished } from 'vitest'
import { type PublishDescriptor, publish } from '../../src/database/options.ts'
import type { Database, Status } from '../../src/database/types.ts'
import { createNodeHost } from '../../src/platform/host-node.ts'
import { open } from '../../src/platform/node.ts'
import { type RunningRelay, startRelay } from '../../src/relay/server-node.ts'
import { type WebSocketDescriptor, websocket } from '../../src/transport/websocket.ts'

const directory = mkdtempSync(join(tmpdir(), 'constellite-hands-'))
const pathOf = (name: string): string => join(directory, name)
export const folderOf = (name: string): string => `${pathOf(name)}.constellite`
let relay: RunningRelay

async function beginRelay(port: number): Promise<void> {
  relay = await startRelay({ runtime: createNodeHost(), dir: join(directory, 'relay'), port })
}

/** To be called once, by the test file. */
export function withRelay(): void {
  beforeAll(() => beginRelay(0))
  afterAll(async () => {
    await relay.close()
    rmSync(directory, { recursive: true, force: true })
  })
}

/** Runs `work` while no relay answers. */
export async function withoutRelay(work: () => Promise<void>): Promise<void> {
  const { port } = new URL(relay.url)
  await relay.close()
  await work()
  await beginRelay(Number(port))
}

/** Nothing listens there. */
export const NOBODY: WebSocketDescriptor = websocket('ws://127.0.0.1:9')
export const publishing = (): PublishDescriptor => publish({ via: [websocket(relay.url)] })

export function opened(name: string, options: Parameters<typeof open>[1]): Database {
  const db = open(pathOf(name), options)
  onTestFinished(() => db.close())
  return db
}

export function reached(db: Database, isReached: (status: Status) => boolean): Promise<Status> {
  return new Promise((resolve) => {
    const look = (status: Status): void => {
      if (!isReached(status)) return
      // The listener may be called before it can be stopped.
      Promise.resolve().then(() => stop())
      resolve(status)
    }
    const stop = db.onStatus(look)
    look(db.status)
  })
}

export const failed = (db: Database): Promise<Status> =>
  reached(db, ({ failure }) => failure !== undefined)
export const arrived = (db: Database, seq: bigint): Promise<Status> =>
  reached(db, (status) => status.seq >= seq)

export function copyFolder(from: string, to: string): void {
  cpSync(folderOf(from), folderOf(to), { recursive: true })
}

export const rows = async (db: Database): Promise<unknown[]> =>
  (await db.all('SELECT x FROM t ORDER BY x')).map(({ x }) => x)

/** A writer of a table with one row, which is shared and closed again. */
export async function published(name: string, identity?: Uint8Array): Promise<string> {
  const db = opened(name, { sync: publishing(), ...(identity === undefined ? {} : { identity }) })
  const { address } = await db.ready
  await db.exec('CREATE TABLE t (x)')
  await db.run('INSERT INTO t VALUES (1)')
  await db.until('shared')
  await db.close()
  return address
}
