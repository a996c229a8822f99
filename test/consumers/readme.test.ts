/** The fifteen lines of the README run as they stand, against a relay of the packed command, in a project
 *  that has installed the tarball. */

import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, inject, it, onTestFinished } from 'vitest'
import { startRelayProcess } from '../support/relay-process.ts'

const README = readFileSync(fileURLToPath(new URL('../../README.md', import.meta.url)), 'utf8')

it('the lines of the README run and print what they promise', async () => {
  const lines = /## Fifteen lines[\s\S]*?```js\n([\s\S]*?)```/.exec(README)?.[1]
  if (lines === undefined) throw new Error('the README has no fifteen lines')
  expect(
    lines
      .trimEnd()
      .split('\n')
      .filter((it) => it !== '').length,
  ).toBeLessThanOrEqual(15)

  const project = join(inject('packedFolder'), 'project')
  const relay = await startRelayProcess(project)
  onTestFinished(() => relay.stop())
  // The one change: the relay of this test has a port of its own.
  const code = lines.replace(/ws:\/\/127\.0\.0\.1:\d+/, relay.url)
  expect(code).not.toBe(lines)

  const folder = mkdtempSync(join(tmpdir(), 'constellite-readme-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
  symlinkSync(join(project, 'node_modules'), join(folder, 'node_modules'))
  writeFileSync(join(folder, 'lines.js'), code)
  const done = await promisify(execFile)(process.execPath, ['lines.js'], {
    cwd: folder,
    timeout: 60_000,
  })
  expect(done.stdout).toBe('Written here verified\n')
  expect(done.stderr).toBe('')
})
