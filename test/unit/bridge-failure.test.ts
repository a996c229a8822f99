import { describe, expect, it } from 'vitest'
import { ConstelliteError, isFailure } from '../../src/base/failure.ts'
import { flattenFailure, reviveFailure } from '../../src/database/bridge/failure.ts'
import { createBridgeRealm } from './bridge-fixtures.ts'
import { rejection } from './database-fixtures.ts'

const migrations = ['CREATE TABLE t (x UNIQUE)']

describe('a failure across the bridge', () => {
  it('keeps code, message, hint, facts, retry, SQLite’s codes and causes', async () => {
    const { open, realm } = createBridgeRealm()
    const sqlite = { code: 13, extendedCode: 13, name: 'SQLITE_FULL' }
    const inner = new RangeError('inner')
    const middle = new ConstelliteError({
      hint: 'Try it.',
      code: 'ErrQuota',
      message: 'Full.',
      cause: inner,
    })
    realm.failNext = new ConstelliteError({
      code: 'ErrInUse',
      message: 'Taken.',
      hint: 'Close it there.',
      facts: { who: 'tab 7', since: 5, key: Uint8Array.of(1), seq: 3n },
      retry: 'later',
      sqlite,
      cause: middle,
    })
    const failure = await rejection(open('notes').ready)
    expect(isFailure(failure, 'ErrInUse')).toBe(true)
    expect(failure).toMatchObject({
      message: 'Taken.',
      hint: 'Close it there.',
      facts: { who: 'tab 7', since: 5, key: Uint8Array.of(1), seq: 3n },
      retry: 'later',
      sqlite,
      cause: { code: 'ErrQuota', cause: { name: 'RangeError', message: 'inner' } },
    })
    expect(failure).toBeInstanceOf(ConstelliteError)
  })

  it('of a statement keeps what SQLite said', async () => {
    const { open } = createBridgeRealm()
    const db = open('notes', { migrations })
    await db.run('INSERT INTO t VALUES (1)')
    const failure = await rejection(db.run('INSERT INTO t VALUES (1)'))
    expect(failure).toMatchObject({
      code: 'ErrSql',
      sqlite: { code: 19, name: 'SQLITE_CONSTRAINT_UNIQUE' },
    })
    await db.close()
  })

  it('has causes to a depth, and takes anything as a cause', () => {
    let failure = new ConstelliteError({
      hint: 'Try it.',
      code: 'ErrSql',
      message: 'deepest',
      cause: 'text',
    })
    for (let depth = 0; depth < 20; depth++) {
      failure = new ConstelliteError({
        hint: 'Try it.',
        code: 'ErrSql',
        message: `${depth}`,
        cause: failure,
      })
    }
    let seen: unknown = reviveFailure(structuredClone(flattenFailure(failure)))
    let depth = 0
    while (isFailure(seen)) {
      seen = seen.cause
      depth += 1
    }
    expect(depth).toBe(9)
    const text = reviveFailure(
      flattenFailure(
        new ConstelliteError({ hint: 'Try it.', code: 'ErrSql', message: '', cause: 7 }),
      ),
    )
    expect(text.cause).toBe('7')
  })
})
