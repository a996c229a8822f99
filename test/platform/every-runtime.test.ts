/** One matrix run: a writer in each runtime and followers in all the others, through each kind of relay, end
 *  with equal state roots and byte-identical files, in which stock SQLite finds everything. */

import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { openStock } from '../support/stock-sqlite.ts'
import type { Opened, Stood, Verified } from './actor-commands.ts'
import { type Actor, actors, openStage, type Stage } from './actors.ts'
import { relays } from './relays.ts'
import { NOTES_LEFT } from './workload.ts'

const kinds = actors()
const project = join(inject('packedFolder'), 'project')
const running = new Map<string, Actor>()
let stage: Stage

beforeAll(async () => {
  stage = await openStage(project)
  const here = kinds.filter((it) => it.missing === undefined)
  await Promise.all(here.map(async (it) => running.set(it.name, await it.start(stage))))
})

afterAll(async () => {
  await Promise.all([...running.values()].map((it) => it.stop()))
  await stage.close()
})

for (const relay of relays()) {
  describe(`through ${relay.name}`, () => {
    let url = ''
    let stop = async (): Promise<void> => undefined
    beforeAll(async () => {
      if (relay.missing !== undefined) return
      const started = await relay.start(project)
      url = started.url
      stop = () => started.stop()
    })
    afterAll(() => stop())

    for (const { name, missing } of kinds) {
      it(`what ${name} writes is the same in every other runtime, to the byte`, async (context) => {
        if (relay.missing !== undefined) context.skip(relay.missing)
        if (missing !== undefined) context.skip(missing)
        await writeAndFollow(name, url)
      })
    }
  })
}

let count = 0

async function writeAndFollow(writerName: string, relay: string): Promise<void> {
  const writer = running.get(writerName)
  if (writer === undefined) throw new Error(`${writerName} does not run`)
  const name = `matrix-${++count}`
  const opened = (await writer.tell({ do: 'open', name, relay })) as Opened
  const others = [...running].filter(([it]) => it !== writerName)
  expect(others.length).toBeGreaterThan(0)
  // Half of them see each commit as it comes, the others catch up with all of it.
  const live = others.filter((_, index) => index % 2 === 0)
  const late = others.filter((_, index) => index % 2 === 1)
  const follow = async (list: typeof others): Promise<void> => {
    const { address } = opened
    await Promise.all(list.map(([, it]) => it.tell({ do: 'follow', name, address })))
  }
  await follow(live)
  const { seq } = (await writer.tell({ do: 'work', name })) as Stood
  await follow(late)
  const own = await lookAt(writer, name)
  expect(own.verified).toEqual({ ok: true, root: own.verified.root, seq })
  const theirs = await Promise.all(
    others.map(async ([follower, actor]) => {
      await actor.tell({ do: 'arrive', name, seq })
      const { verified, sha256 } = await lookAt(actor, name)
      return { follower, verified, sha256 }
    }),
  )
  const expected = others.map(([follower]) => {
    return { follower, verified: own.verified, sha256: own.sha256 }
  })
  expect(theirs).toEqual(expected)
  await Promise.all([...running.values()].map((it) => it.tell({ do: 'close', name })))
  expectSound(own.file, join(stage.folder, `${name}.db`))
}

type Seen = { readonly verified: Verified; readonly sha256: string; readonly file: Uint8Array }

async function lookAt(actor: Actor, name: string): Promise<Seen> {
  const verified = (await actor.tell({ do: 'verify', name })) as Verified
  const file = (await actor.tell({ do: 'export', name })) as Uint8Array
  return { verified, sha256: createHash('sha256').update(file).digest('hex'), file }
}

const LOOK = 'SELECT count(*) FROM note'
const CHECK = 'PRAGMA integrity_check'
const EXPECTED = ['ok', NOTES_LEFT]
const files: string[] = []

/** By the official build; the file stays for the machine's own program. */
function expectSound(file: Uint8Array, path: string): void {
  const stock = openStock(file)
  expect([stock.value(CHECK), stock.value(LOOK)]).toEqual(EXPECTED)
  stock.close()
  writeFileSync(path, file)
  files.push(path)
}

it('the sqlite3 program of this machine finds nothing wrong in any of those files', (context) => {
  expect(files.length).toBeGreaterThan(0)
  for (const path of files) {
    const { error, stdout } = spawnSync('sqlite3', [path, `${CHECK}; ${LOOK}`], {
      encoding: 'utf8',
    })
    if (error !== undefined && 'code' in error && error.code === 'ENOENT') {
      return context.skip('the sqlite3 program is not installed')
    }
    expect(stdout).toBe(`${EXPECTED.join('\n')}\n`)
  }
})
