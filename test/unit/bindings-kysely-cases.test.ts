/** Kysely's basic cases in Node; test/browser/orms.browser.test.ts runs the same in a browser. */

import { describe, expect, it } from 'vitest'
import { kyselyReadCases } from '../support/kysely-read-cases.ts'
import { kyselyWriteCases } from '../support/kysely-write-cases.ts'
import { openPeople } from './bindings-kysely-fixtures.ts'

describe('Kysely in Node', () => {
  it.each([...kyselyReadCases, ...kyselyWriteCases])('%s', async (_, check) => {
    const { kysely } = await openPeople()
    await check(kysely)
    expect.hasAssertions()
  })
})
