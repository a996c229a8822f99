/** Where WASM has no 128-bit vectors the package works all the same, by the plain kernel, and says so: an
 *  engine is told to have none. */

import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, inject, it, onTestFinished } from 'vitest'
import { packedAt } from '../support/packed.ts'
import { startChromium } from '../support/page.ts'
import { serveFolders } from '../support/static-server.ts'

/** What V8 needs for vectors on x64; elsewhere nothing takes them away. */
const WITHOUT_VECTORS = ['--no-enable-avx', '--no-enable-ssse3', '--no-enable-sse4-1']

const { project } = packedAt(inject('packedFolder'))
const USE = `
  const db = await open(name, { migrations: ['CREATE TABLE note (body TEXT)'] })
  await db.run\`INSERT INTO note VALUES (\${'first'})\`
  const { pages } = await db.verify()
  const [row] = await db.all\`SELECT body FROM note\`
  const { kind, reason } = db.status.kernel
  await db.close()`

describe.skipIf(process.arch !== 'x64')('without vectors', () => {
  it('a database in Node is written and verified by the plain kernel', () => {
    const folder = mkdtempSync(join(tmpdir(), 'constellite-plain-'))
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
    const program = `import { open } from 'constellite'
      const name = ${JSON.stringify(join(folder, 'notes'))}
      ${USE}
      console.log(JSON.stringify({ pages, row, kind, reason }))`
    const parameters = [...WITHOUT_VECTORS, '--input-type=module', '--eval', program]
    const done = spawnSync(process.execPath, parameters, { cwd: project, encoding: 'utf8' })
    expect(done.stderr).toBe('')
    const seen = JSON.parse(done.stdout)
    expect(seen).toMatchObject({ pages: 'match', row: { body: 'first' }, kind: 'plain' })
    expect(seen.reason).toContain('SIMD')
  })

  it('a page starts the worker that has the plain kernel', async () => {
    const folder = join(project, 'node_modules/constellite/dist/browser')
    const server = await serveFolders({ '/': folder })
    onTestFinished(() => server.close())
    const browser = await startChromium([`--js-flags=${WITHOUT_VECTORS.join(' ')}`])
    onTestFinished(() => browser.close())
    const page = await browser.open(`${server.url}/index.js`)
    const seen = await page.evaluate(`(async () => {
      const { open } = await import('/index.js')
      const name = 'notes'
      ${USE}
      return { pages, row, kind, reason }
    })()`)
    expect(seen, browser.log.join('\n')).toMatchObject({
      pages: 'match',
      row: { body: 'first' },
      kind: 'plain',
      reason: expect.stringContaining('SIMD'),
    })
  })
})
