import { describe, expect, it } from 'vitest'
import { ConstelliteError } from '../../src/base/failure.ts'
import type { OpenOptions } from '../../src/database/options.ts'
import { follow, publish } from '../../src/database/options.ts'
import { websocket } from '../../src/transport/websocket.ts'
import { createTestRealm, rejection } from './database-fixtures.ts'

const relay = { kind: 'websocket', url: 'wss://relay.example/' }

describe('open', () => {
  it('answers at once and touches nothing before the first call', async () => {
    const realm = createTestRealm()
    const db = realm.open('notes')
    await Promise.resolve()
    expect(db.status.state).toBe('idle')
    expect(realm.opened).toEqual([])
    await db.close()
    expect(realm.opened).toEqual([])
  })

  it('opens at the first call, and every call waits for that', async () => {
    const realm = createTestRealm()
    const db = realm.open('notes', { migrations: ['CREATE TABLE note (id INTEGER, body TEXT)'] })
    const writing = db.run`INSERT INTO note VALUES (1, 'first')`
    const reading = db.all('SELECT body FROM note')
    expect(await writing).toMatchObject({ changes: 1, lastInsertRowid: 1 })
    expect(await reading).toEqual([{ body: 'first' }])
    expect(db.status).toMatchObject({ state: 'open', role: 'writer' })
    await db.close()
  })

  it('can be awaited, once, and gives the same database', async () => {
    const realm = createTestRealm()
    const db = await realm.open('notes')
    expect('then' in db).toBe(false)
    expect(await (async () => db)()).toBe(db)
    expect(await db.ready).toEqual({
      name: 'test',
      address: 'constellite:test',
      role: 'writer',
      tornBytes: 0,
    })
    await db.close()
  })

  it('rejects `ready`, `await` and every call with what kept it from opening', async () => {
    const realm = createTestRealm()
    realm.failNext = new ConstelliteError({
      hint: 'Try it.',
      code: 'ErrInUse',
      message: 'Another has it.',
    })
    const db = realm.open('notes')
    expect((await rejection(db)).code).toBe('ErrInUse')
    expect((await rejection(db.ready)).code).toBe('ErrInUse')
    expect((await rejection(db.all('SELECT 1'))).code).toBe('ErrInUse')
    expect(db.status).toMatchObject({ state: 'failed', failure: { code: 'ErrInUse' } })
    const again = realm.open('notes')
    expect(await again.get('SELECT 1 AS one')).toEqual({ one: 1 })
    await again.close()
  })

  it('opens one name once in a realm and closes it with the last handle', async () => {
    const realm = createTestRealm()
    const [first, second] = [realm.open('notes'), realm.open('notes')]
    await first.exec('CREATE TABLE t (x); INSERT INTO t VALUES (7)')
    expect(await second.all('SELECT x FROM t')).toEqual([{ x: 7 }])
    expect(realm.opened.length).toBe(1)
    await first.close()
    expect((await rejection(first.all('SELECT 1'))).code).toBe('ErrClosed')
    expect(await second.all('SELECT x FROM t')).toEqual([{ x: 7 }])
    await second.close()
    const third = realm.open('notes')
    expect(await third.all('SELECT x FROM t')).toEqual([{ x: 7 }])
    expect(realm.opened.length).toBe(2)
    await third.close()
  })

  it('survives open, close, open without waiting, as StrictMode does it', async () => {
    const realm = createTestRealm()
    const first = realm.open('notes')
    const opening = first.ready
    const closing = first.close()
    const second = realm.open('notes')
    expect(await second.get('SELECT 1 AS one')).toEqual({ one: 1 })
    await Promise.all([opening, closing, second.close()])
  })

  it('refuses other options for a name that is open', async () => {
    const realm = createTestRealm()
    const first = realm.open('notes', { migrations: ['CREATE TABLE a (x)'] })
    await first.ready
    const same = realm.open('notes', { migrations: ['CREATE TABLE a (x)'] })
    await same.ready
    const other = realm.open('notes', { migrations: ['CREATE TABLE b (x)'] })
    expect((await rejection(other.ready)).code).toBe('ErrOptionsDiffer')
    expect((await rejection(realm.open('notes').ready)).code).toBe('ErrOptionsDiffer')
    await Promise.all([first.close(), same.close(), other.close()])
  })

  it('takes callbacks written inline as the same options', async () => {
    const realm = createTestRealm()
    const options = (): OpenOptions => ({
      worker: () => {
        throw new Error('never made here')
      },
      sync: publish({ via: [relay] }),
    })
    const [first, second] = [realm.open('notes', options()), realm.open('notes', options())]
    await Promise.all([first.ready, second.ready])
    expect(realm.opened.length).toBe(1)
    await Promise.all([first.close(), second.close()])
  })
})

describe('options', () => {
  const refused: readonly (readonly [string, unknown])[] = [
    ['an unknown option', { migration: [] }],
    ['an archive, which is not built', { archive: {} }],
    ['a causal shard, which is not built', { sync: { kind: 'causal', via: [] } }],
    ['migrations of a follower', { migrations: ['SELECT 1'], sync: follow('constellite:x') }],
    ['an empty migration', { migrations: [' '] }],
    ['a short identity', { identity: new Uint8Array(31) }],
    ['a recovery key as text', { recovery: 'abc' }],
    ['a worker that is none', { worker: './worker.js' }],
    ['an unknown part of a relay', { sync: { kind: 'publish', via: [{ ...relay, token: '' }] } }],
    ['no sync, as null', { sync: null }],
    ['a sync that is a text', { sync: 'publish' }],
    ['a callback inside a relay', { sync: { kind: 'publish', via: [() => relay] } }],
  ]
  it.each(refused)('refuses %s before anything is touched', async (_, options) => {
    const realm = createTestRealm()
    // What the types keep out, JavaScript callers can still pass.
    const db = realm.open('notes', options as OpenOptions)
    expect((await rejection(db.ready)).code).toBe('ErrOption')
    expect(realm.opened).toEqual([])
  })

  it.each(['', 'a\0b', 7])('refuses %j as a name', async (name) => {
    const realm = createTestRealm()
    expect((await rejection(realm.open(name as string).ready)).code).toBe('ErrOption')
  })

  it('refuses unknown parts of publish and follow where they are written', () => {
    expect(() => publish({ via: [] })).toThrow(/via/)
    expect(() => publish({ via: [relay], archive: 1 } as never)).toThrow(/archive/)
    expect(() => follow('constellite:x', { trust: true } as never)).toThrow(/trust/)
    for (const address of [undefined, '', 7]) {
      expect(() => follow(address as never)).toThrow(expect.objectContaining({ code: 'ErrOption' }))
    }
    expect(() =>
      (websocket as (...given: unknown[]) => unknown)(relay.url, { token: 'x' }),
    ).toThrow(expect.objectContaining({ code: 'ErrOption' }))
    expect(() => websocket('wss://me:secret@relay.example')).toThrow(/relay/)
  })
})
