/** The fifteen lines of the README run in Deno and Bun as they stand, in Deno with the permissions that the
 *  README names, and end by themselves. */

import { execFile } from 'node:child_process'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, inject, it, onTestFinished } from 'vitest'
import { startRelayProcess } from '../support/relay-process.ts'
import { findRuntime, type Runtime } from '../support/runtimes.ts'

const README = readFileSync(fileURLToPath(new URL('../../README.md', import.meta.url)), 'utf8')
const project = join(inject('packedFolder'), 'project')

/** Writes the lines as `app.js`, pointed at a relay of its own. */
async function linesAgainstRelay(): Promise<void> {
  const lines = /## Fifteen lines[\s\S]*?```js\n([\s\S]*?)```/.exec(README)?.[1] ?? ''
  const relay = await startRelayProcess(project)
  onTestFinished(() => relay.stop())
  const code = lines.replace(/ws:\/\/127\.0\.0\.1:\d+/, relay.url)
  expect(code).not.toBe(lines)
  // Where the package is installed, as the permissions of Deno are for this folder.
  writeFileSync(join(project, 'app.js'), code)
  onTestFinished(() => {
    const made = ['app.js', 'app.ts', 'wrong.ts', 'notes.constellite', 'copy.constellite']
    for (const name of made) rmSync(join(project, name), { recursive: true, force: true })
  })
}

describe.each(['deno', 'bun'] as const)('in %s', (name) => {
  it('they print what they promise', async (context) => {
    const found = findRuntime(name)
    if (found.program === undefined) context.skip(found.reason)
    else await run(found)
  })
})

async function run({ name, program }: Runtime): Promise<void> {
  await linesAgainstRelay()
  const command = /`deno (run [^`]+)`/.exec(README)?.[1]?.split(' ')
  if (command === undefined) throw new Error('the README does not say how to start Deno')
  const parameters = name === 'deno' ? [...command] : ['app.js']
  const done = await promisify(execFile)(program, parameters, {
    cwd: project,
    timeout: 60_000,
    env: {
      ...process.env,
      DENO_DIR: join(project, '.deno'),
      DENO_NO_UPDATE_CHECK: '1',
      NO_COLOR: '1',
    },
  })
  expect(done.stdout).toBe('Written here verified\n')
  expect(done.stderr).toBe('')
}

it('pass deno check against the types that the package ships', async (context) => {
  const found = findRuntime('deno')
  if (found.program === undefined) return context.skip(found.reason)
  await linesAgainstRelay()
  writeFileSync(join(project, 'app.ts'), readFileSync(join(project, 'app.js')))
  const wrong = "import { open } from 'constellite'\nopen('notes', { colour: 'blue' })\n"
  writeFileSync(join(project, 'wrong.ts'), wrong)
  const check = (file: string) =>
    promisify(execFile)(found.program, ['check', file], {
      cwd: project,
      env: { ...process.env, DENO_DIR: join(project, '.deno'), DENO_NO_UPDATE_CHECK: '1' },
    })
  await check('app.ts')
  await expect(check('wrong.ts')).rejects.toThrow(/colour/)
})
