/** Proves what holds between objects and over the life of one: objects that share an isolate, and so one SQLite,
 *  share nothing else; an idle one is evicted, since nothing of its database keeps it, and finds its rows again. */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { bundleWorkerd } from './bundle.ts'
import { actorAt } from './client.ts'
import { edgeModules, startWorkerd, type Workerd } from './serve.ts'

const OBJECTS = 6
const ROWS = 15
/** workerd takes an object out of memory 10 s after the last that it had to do. */
const EVICTED_MS = 13_500

const folder = mkdtempSync(join(tmpdir(), 'constellite-workerd-'))
let workerd: Workerd

beforeAll(async () => {
  const modules = edgeModules(join(inject('packedFolder'), 'project'))
  workerd = await startWorkerd({ program: await bundleWorkerd([]), modules, folder })
})
afterAll(async () => {
  await workerd.kill()
  rmSync(folder, { recursive: true, force: true })
})

test('objects that open a database of one name at one time have each their own', async () => {
  const actors = Array.from({ length: OBJECTS }, (_, index) => {
    return { index, actor: actorAt(workerd.url, `object-${index}`) }
  })
  await Promise.all(
    actors.map(async ({ index, actor }) => {
      for (let row = 0; row < ROWS; row++) {
        const sql = 'INSERT INTO note (body) VALUES (?)'
        await actor.ask('run', { sql, parameters: [`of ${index}`] })
      }
    }),
  )
  const found = await Promise.all(
    actors.map(({ actor }) =>
      actor.ask('all', { sql: 'SELECT body, count(*) AS n FROM note GROUP BY body' }),
    ),
  )
  expect(found).toEqual(actors.map(({ index }) => [{ body: `of ${index}`, n: ROWS }]))
})

test('an idle object is evicted with its open database, and goes on where it was', async () => {
  const actor = actorAt(workerd.url, 'idle')
  await actor.ask('run', { sql: "INSERT INTO note (body) VALUES ('before')" })
  const life = await actor.ask('life')
  expect(await actor.ask('life')).toBe(life)
  await delay(EVICTED_MS)
  expect(await actor.ask('life')).not.toBe(life)
  await actor.ask('run', { sql: "INSERT INTO note (body) VALUES ('after')" })
  const rows = await actor.ask('all', { sql: 'SELECT body FROM note' })
  expect(rows).toEqual([{ body: 'before' }, { body: 'after' }])
  expect(await actor.ask('verify')).toMatchObject({ ok: true })
})
