/** Proves that the README's Durable Object runs as it stands, and finds its rows again when workerd was killed. */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, inject, test } from 'vitest'
import { objectLines } from './readme-lines.ts'
import { edgeModules, startWorkerd } from './serve.ts'

const folder = mkdtempSync(join(tmpdir(), 'constellite-workerd-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** The newest, and the oldest whose objects have SQLite, without anything of Node's. */
test.each(['2026-10-01', '2024-09-26'])(
  "the README's object keeps what it was sent, over a kill -9, in a Worker of %s",
  async (date) => {
    const modules = edgeModules(join(inject('packedFolder'), 'project'))
    // Where a bundler finds it by the package's condition `workerd`.
    const program = objectLines().replace("'constellite'", "'./edge/index.js'")
    const found: unknown[] = []
    for (const body of ['first', 'second']) {
      const workerd = await startWorkerd({
        program,
        modules,
        folder: join(folder, date),
        classes: ['Notes'],
        compatibilityDate: date,
      })
      const response = await fetch(workerd.url, { method: 'POST', body })
      found.push(await response.json())
      expect(await workerd.kill()).toBe('SIGKILL')
    }
    expect(found).toEqual([[{ body: 'first' }], [{ body: 'first' }, { body: 'second' }]])
  },
)
