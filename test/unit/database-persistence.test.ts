import { describe, expect, it } from 'vitest'
import type { Core } from '../../src/database/core.ts'
import { createLocalCore } from '../../src/database/local-core.ts'
import { persistOnWrite } from '../../src/database/persistence.ts'
import { createFakeParts, rejection, settle } from './database-fixtures.ts'

const call = { caller: 1 }
const query = (sql: string) => ({ sql, parameters: [] })

async function openCore(answer: () => Promise<boolean>): Promise<{ core: Core; asked: number[] }> {
  const asked: number[] = []
  const inner = createLocalCore(await createFakeParts())
  const core = persistOnWrite(inner, () => {
    asked.push(asked.length)
    return answer()
  })
  return { core, asked }
}

describe('asking the platform to keep the storage', () => {
  it('happens once, after the first write, and is told by the status', async () => {
    const { core, asked } = await openCore(async () => true)
    const told: (boolean | undefined)[] = []
    core.onStatus((status) => told.push(status.storage?.persisted))
    await core.all(query('SELECT 1'), call)
    await settle()
    expect(asked).toEqual([])
    await core.exec('CREATE TABLE t (x)', call)
    await core.run(query('INSERT INTO t VALUES (1)'), call)
    await settle()
    expect(asked).toEqual([0])
    expect(core.status.storage?.persisted).toBe(true)
    expect(told).toContain(true)
  })

  it('that is refused, or fails, changes nothing', async () => {
    for (const answer of [async () => false, () => Promise.reject(new Error('no'))]) {
      const { core } = await openCore(answer)
      await core.exec('CREATE TABLE t (x)', call)
      await settle()
      expect(core.status.storage?.persisted).toBe(false)
    }
  })

  it('does not happen for a write that failed', async () => {
    const { core, asked } = await openCore(async () => true)
    await rejection(core.run(query('INSERT INTO missing VALUES (1)'), call))
    await settle()
    expect(asked).toEqual([])
  })
})
