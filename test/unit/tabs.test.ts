/** Tabs of a simulated browser that share one database: named cases. */

import { describe, expect, it } from 'vitest'
import { createBrowser } from './tabs-fixtures.ts'

const migrations = ['CREATE TABLE t (x)']

describe('a second tab', () => {
  it('reads and writes what the first has', async () => {
    const { world, tab } = createBrowser()
    const first = tab().open('notes', { migrations })
    await world.settled(first.run('INSERT INTO t VALUES (1)'))
    const second = tab().open('notes', { migrations })
    await world.settled(second.run('INSERT INTO t VALUES (2)'))
    expect(await world.settled(first.all('SELECT x FROM t'))).toEqual([{ x: 1 }, { x: 2 }])
  })
})
