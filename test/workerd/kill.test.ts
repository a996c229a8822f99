/** Proves that what an object acknowledged is there after workerd was killed at any moment, as often as that
 *  happens, and that each opening finds a sound history. */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, inject, test } from 'vitest'
import { createRandom } from '../../src/testing/random.ts'
import { bundleWorkerd } from './bundle.ts'
import { type ActorClient, actorAt } from './client.ts'
import { edgeModules, startWorkerd, type Workerd } from './serve.ts'

const ROUNDS = 8
const WRITERS = 4
/** After the first row of a round. */
const LIFE_MS_MAX = 700

const seed = Number(process.env['CONSTELLITE_SEED'] ?? Math.floor(Math.random() * 2 ** 31))
const folder = mkdtempSync(join(tmpdir(), 'constellite-workerd-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

test(`rows that were acknowledged outlive kill -9, ${ROUNDS} times (seed ${seed})`, async () => {
  const random = createRandom(seed)
  const program = await bundleWorkerd([])
  const modules = edgeModules(join(inject('packedFolder'), 'project'))
  const acknowledged = new Set<number>()
  let lastSeq = 0n
  for (let round = 0; round < ROUNDS; round++) {
    const workerd = await startWorkerd({ program, modules, folder })
    const actor = actorAt(workerd.url, 'notes')
    lastSeq = await expectSound(actor, acknowledged, lastSeq)
    const before = acknowledged.size
    await writeAndKill(workerd, { actor, acknowledged, round, lifeMs: random.below(LIFE_MS_MAX) })
    expect(acknowledged.size).toBeGreaterThan(before)
  }
  const workerd = await startWorkerd({ program, modules, folder })
  try {
    await expectSound(actorAt(workerd.url, 'notes'), acknowledged, lastSeq)
  } finally {
    await workerd.kill()
  }
})

/** Several callers write rows of many sizes, until workerd dies under them. */
async function writeAndKill(
  workerd: Workerd,
  options: {
    readonly actor: ActorClient
    readonly acknowledged: Set<number>
    readonly round: number
    readonly lifeMs: number
  },
): Promise<void> {
  const { actor, acknowledged, round, lifeMs } = options
  let isDead = false
  let onFirst = (): void => undefined
  const first = new Promise<void>((resolve) => {
    onFirst = resolve
  })
  const write = async (writer: number): Promise<void> => {
    for (let index = 0; !isDead; index++) {
      const id = round * 1_000_000 + writer * 100_000 + index
      const sql = 'INSERT INTO note VALUES (?, hex(randomblob(?)))'
      try {
        await actor.ask('run', { sql, parameters: [id, (index * 97) % 9_000] })
      } catch (error) {
        if (isDead) return
        throw error
      }
      acknowledged.add(id)
      onFirst()
    }
  }
  const writers = Array.from({ length: WRITERS }, (_, writer) => write(writer))
  const written = Promise.all(writers)
  await Promise.race([first, written])
  await new Promise((resolve) => setTimeout(resolve, lifeMs))
  isDead = true
  expect(await workerd.kill()).toBe('SIGKILL')
  await written
}

/** Answers the position that it found. */
async function expectSound(
  actor: ActorClient,
  acknowledged: ReadonlySet<number>,
  seqMin: bigint,
): Promise<bigint> {
  // The answers are of this folder's own actor, in the package's types as JSON.
  const rows = (await actor.ask('all', { sql: 'SELECT id FROM note' })) as { id: number }[]
  const found = new Set(rows.map(({ id }) => id))
  expect([...acknowledged].filter((id) => !found.has(id))).toEqual([])
  const check = await actor.ask('all', { sql: 'PRAGMA integrity_check' })
  expect(check).toEqual([{ integrity_check: 'ok' }])
  expect(await actor.ask('verify')).toMatchObject({ ok: true })
  const status = (await actor.ask('status')) as {
    seq: string
    storage: { kind: string; durable: boolean; rowsWritten: number }
  }
  expect(status.storage).toMatchObject({ kind: 'durable-object', durable: true })
  expect(BigInt(status.seq) >= seqMin).toBe(true)
  return BigInt(status.seq)
}
