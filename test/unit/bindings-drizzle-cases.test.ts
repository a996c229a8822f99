/** Drizzle's basic cases in Node; test/browser/orms.browser.test.ts runs the same in a browser. */

import { describe, expect, it } from 'vitest'
import { BLOG_MIGRATIONS } from '../support/drizzle-blog.ts'
import { drizzleReadCases } from '../support/drizzle-read-cases.ts'
import { drizzleWriteCases } from '../support/drizzle-write-cases.ts'
import { openBare } from './bindings-drizzle-fixtures.ts'

describe('Drizzle in Node', () => {
  it.each([...drizzleReadCases, ...drizzleWriteCases])('%s', async (_, check) => {
    await check(openBare(BLOG_MIGRATIONS))
    expect.hasAssertions()
  })
})
