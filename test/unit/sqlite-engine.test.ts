/** Proves: one commit is one call of `PageSpace.commit`, and what was committed reads back. */

import { expect, test } from 'vitest'
import { createTestEngine, createTestSpace } from './sqlite-fixtures.ts'

test('a first commit stores rows and is one record', async () => {
  const space = createTestSpace()
  const engine = await createTestEngine(space)
  const db = engine.connect('writer')
  expect(engine.version).toBe('3.54.1')
  db.run('CREATE TABLE note (id INTEGER PRIMARY KEY, body TEXT)')
  expect(space.commits.length).toBe(1)
  expect(db.run('INSERT INTO note (body) VALUES (?)', ['hello'])).toEqual({
    changes: 1,
    lastInsertRowid: 1,
  })
  expect(space.commits.length).toBe(2)
  expect(space.commits[1]?.tables).toEqual(['note'])
  expect(db.all('SELECT * FROM note')).toEqual([{ id: 1, body: 'hello' }])
  expect(db.all('PRAGMA journal_mode')).toEqual([{ journal_mode: 'truncate' }])
  engine.close()
})
