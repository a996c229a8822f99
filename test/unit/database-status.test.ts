/** What `status` of a handle is between its changes. */

import { join } from 'node:path'
import { expect, it } from 'vitest'
import { open } from '../../src/platform/node.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'

it('is one object until something in it changes', async () => {
  const db = open(join(temporaryDirectory(), 'notes'))
  const idle = db.status
  expect(idle.state).toBe('idle')
  expect(db.status).toBe(idle)
  await db.exec('CREATE TABLE note (body TEXT)')
  const opened = db.status
  expect(opened.state).toBe('open')
  expect(db.status).toBe(opened)
  await db.all`SELECT * FROM note`
  expect(db.status).toBe(opened)
  await db.run`INSERT INTO note VALUES ('a')`
  expect(db.status).not.toBe(opened)
  expect(db.status.seq).toBe(opened.seq + 1n)
  await db.close()
  expect(db.status.state).toBe('closed')
  expect(db.status).toBe(db.status)
})
