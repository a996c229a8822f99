/** Processes of Node, Deno and Bun refuse one another a database that one of them has open, and say who has
 *  it; a kill frees it for all. */

import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, inject, it, onTestFinished } from 'vitest'
import { OPEN_ELSEWHERE } from '../support/portable/start.ts'
import { commandIn, findRuntime, type Runtime, type RuntimeName } from '../support/runtimes.ts'

const NAMES: readonly RuntimeName[] = ['node', 'deno', 'bun']
const HOLD = `
import { open } from 'constellite'
const db = await open(process.argv[2], { migrations: ['CREATE TABLE note (body TEXT)'] })
await db.run('INSERT INTO note VALUES (?)', ['kept'])
console.log('open')
setInterval(() => db.status, 1000)
`
/** A file that nobody touches any more is old after 10 s. */
const PATIENCE_MS = 20_000

const project = join(inject('packedFolder'), 'project')
const hold = join(project, 'hold.mjs')
const open = join(project, 'open-elsewhere.mjs')
const folder = mkdtempSync(join(tmpdir(), 'constellite-owner-'))

beforeAll(() => {
  writeFileSync(hold, HOLD)
  writeFileSync(open, OPEN_ELSEWHERE)
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe.each(NAMES)('a database that %s has open', (name) => {
  it('is refused to every other runtime with who and since when, and free once that is killed', async (context) => {
    const found = findRuntime(name)
    if (found.program === undefined) context.skip(found.reason)
    else await ownAndDie(found)
  })
})

it('is free for Deno without a view of /proc too, once the file of the dead owner is old', async (context) => {
  const found = findRuntime('deno')
  if (found.program === undefined) return context.skip(found.reason)
  const database = join(folder, 'narrow')
  const command = commandIn(found, [project, folder])
  const owner = await startOwner(command, database)
  await kill(owner)
  expect(await openWith(command, database)).toEqual({ opened: true })
})

async function ownAndDie(owner: Runtime): Promise<void> {
  const database = join(folder, owner.name)
  const startedAt = Date.now()
  const child = await startOwner(everywhere(owner), database)
  const others = NAMES.map(findRuntime).filter((it) => it.program !== undefined)
  const refused = await Promise.all(others.map((it) => openWith(everywhere(it), database)))
  const since = expect.any(Number)
  for (const answer of refused) {
    const facts = { who: `${owner.name} ${child.pid}`, since }
    expect(answer).toMatchObject({ opened: false, code: 'ErrInUse', facts })
    expect(answer.facts?.since).toBeGreaterThanOrEqual(startedAt)
  }
  expect(refused.length).toBeGreaterThan(1)
  await kill(child)
  for (const other of others) {
    expect(await openWith(everywhere(other), database), other.name).toEqual({ opened: true })
  }
}

/** With every permission, as the owner's namespace is read from /proc. */
function everywhere({ name, program, parameters }: Runtime): readonly string[] {
  return [program, ...parameters, ...(name === 'deno' ? ['--allow-all'] : [])]
}

async function startOwner(command: readonly string[], database: string): Promise<ChildProcess> {
  const [program = '', ...parameters] = command
  const child = spawn(program, [...parameters, hold, database], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  const { value } = await createInterface(child.stdout)[Symbol.asyncIterator]().next()
  if (value !== 'open') throw new Error('the owner did not come to open it')
  return child
}

async function kill(child: ChildProcess): Promise<void> {
  const signal = new Promise((resolve) => child.once('exit', (_, by) => resolve(by)))
  child.kill('SIGKILL')
  expect(await signal).toBe('SIGKILL')
}

type Answer = {
  readonly opened: boolean
  readonly code?: string
  readonly facts?: { readonly who: string; readonly since: number }
}

async function openWith(command: readonly string[], database: string): Promise<Answer> {
  const [program = '', ...parameters] = [...command, open, database]
  const { stdout } = await promisify(execFile)(program, parameters, { timeout: PATIENCE_MS })
  return JSON.parse(stdout)
}
