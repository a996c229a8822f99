/** Two copies of this package in one realm: a hot reload that evaluates it again, two bundles in a process. */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { open } from '../../src/platform/node.ts'
import { REALM_VERSION } from '../../src/platform/realm.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'

describe('a second copy of the package in a realm', () => {
  it('shares the connections of the first', async () => {
    const again: typeof import('../../src/platform/node.ts') = await import(
      // @ts-expect-error: the query makes it a module of its own, and the compiler knows no queries.
      '../../src/platform/node.ts?evaluated-again'
    )
    expect(again.open).not.toBe(open)
    const name = join(temporaryDirectory(), 'notes')
    const before = open(name, { migrations: ['CREATE TABLE note (body TEXT)'] })
    await before.run`INSERT INTO note VALUES ('kept')`
    const after = again.open(name, { migrations: ['CREATE TABLE note (body TEXT)'] })
    expect(await after.all`SELECT body FROM note`).toEqual([{ body: 'kept' }])
    await before.close()
    expect(await after.all`SELECT body FROM note`).toEqual([{ body: 'kept' }])
    await after.close()
  })

  it('of another version shares nothing, because what it would share has another shape', () => {
    const { version } = JSON.parse(readFileSync('package.json', 'utf8'))
    expect(REALM_VERSION).toBe(version)
  })
})
