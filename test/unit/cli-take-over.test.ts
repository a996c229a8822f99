/** `constellite take-over`: the copy that `replicate` keeps becomes the writer, with the key from a file. */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { parseBase64url } from '../../src/bytes/text.ts'
import type { Terminal } from '../../src/cli/command.ts'
import { run } from '../../src/cli/run.ts'
import { publish } from '../../src/database/options.ts'
import { createNodeHost } from '../../src/platform/host-node.ts'
import { open } from '../../src/platform/node.ts'
import { type RunningRelay, startRelay } from '../../src/relay/server-node.ts'
import { websocket } from '../../src/transport/websocket.ts'

const folder = mkdtempSync(join(tmpdir(), 'constellite-cli-hands-'))
let relay: RunningRelay

beforeAll(async () => {
  relay = await startRelay({ runtime: createNodeHost(), dir: join(folder, 'relay'), port: 0 })
})
afterAll(async () => {
  await relay.close()
  rmSync(folder, { recursive: true, force: true })
})

type Spoken = Terminal & { readonly lines: string[] }

function createTerminal(): Spoken {
  const lines: string[] = []
  const say = (line: string): void => void lines.push(line)
  return { lines, out: say, note: say, interrupted: new AbortController().signal }
}

it('makes a replicated copy the writer, whose history goes on at the relay', async () => {
  const { seed } = await made(join(folder, 'owner.json'))
  const sync = publish({ via: [websocket(relay.url)] })
  const db = open(join(folder, 'notes'), { sync, identity: seed })
  const { address } = await db.ready
  await db.exec('CREATE TABLE t (x); INSERT INTO t VALUES (1)')
  await db.until('shared')
  await db.close()
  const out = join(folder, 'copy.db')
  expect(await run(['replicate', address, '--out', out], createTerminal())).toBe(0)

  const wrong = createTerminal()
  writeFileSync(join(folder, 'wrong.json'), '{"seed":"AAAA"}')
  const asked = ['take-over', address, '--out', out, '--key']
  expect(await run([...asked, join(folder, 'wrong.json')], wrong)).toBe(1)
  expect(wrong.lines.join(' ')).toContain('has no seed')
  expect(await run(['take-over', address, '--out', out], createTerminal())).toBe(2)

  const done = createTerminal()
  expect(await run([...asked, join(folder, 'owner.json')], done)).toBe(0)
  expect(done.lines).toEqual([
    'seq      4',
    'cut off  0 frames',
    'shared   a relay has the hand-over',
  ])
  expect(done.lines.join()).not.toContain(Buffer.from(seed).toString('base64url'))
  const heir = open(out, { sync, migrations: ['CREATE TABLE u (y)'] })
  await heir.run('INSERT INTO t VALUES (2)')
  expect(await heir.all('SELECT x FROM t')).toEqual([{ x: 1 }, { x: 2 }])
  await heir.until('shared')
  await heir.close()
})

/** As `keygen --out` makes it. */
async function made(path: string): Promise<{ readonly seed: Uint8Array }> {
  expect(await run(['keygen', '--out', path], createTerminal())).toBe(0)
  const seed = parseBase64url(JSON.parse(readFileSync(path, 'utf8')).seed)
  if (!seed.ok) throw seed.failure
  return { seed: seed.value }
}
