import { createIdentity, type Database, follow, open, publish, websocket } from 'constellite'
import { describe, expect, inject, it, onTestFinished } from 'vitest'
import { place } from '#place'
import { failureOf } from './failures.ts'

const migrations = ['CREATE TABLE note (id INTEGER PRIMARY KEY, body TEXT)']
const relay = (): ReturnType<typeof websocket> => websocket(inject('relayUrl'))

async function opened(name: string, options: Parameters<typeof open>[1]): Promise<Database> {
  const db = await open(name, options)
  onTestFinished(() => db.close())
  return db
}

async function reached(db: Database, isReached: (db: Database) => boolean): Promise<void> {
  if (isReached(db)) return
  await new Promise<void>((resolve) => {
    const stop = db.onStatus(() => {
      if (!isReached(db)) return
      stop()
      resolve()
    })
  })
}

const bodies = async (db: Database) =>
  (await db.all<{ body: string }>`SELECT body FROM note ORDER BY id`).map(({ body }) => body)

describe('changing hands', () => {
  it('makes a follower the writer, and the old one stops and then follows', async () => {
    const { seed } = await createIdentity()
    const name = place.freshName('old')
    const old = await opened(name, {
      migrations,
      identity: seed,
      sync: publish({ via: [relay()] }),
    })
    const { address } = await old.ready
    const copyName = place.freshName('heir')
    const copy = await opened(copyName, { sync: follow(address) })
    const { seq } = await old.run`INSERT INTO note (body) VALUES ('one')`
    await reached(copy, ({ status }) => status.seq >= seq)
    expect(await failureOf(copy.takeOver())).toBe('ErrIdentity')
    expect(await failureOf(copy.run`INSERT INTO note (body) VALUES ('no')`)).toBe('ErrReadOnly')

    const report = await copy.takeOver({ key: seed })
    expect(report).toEqual({ seq: seq + 1n, cutOff: 0 })
    expect(copy.status.role).toBe('writer')
    await copy.run`INSERT INTO note (body) VALUES ('two')`
    await copy.until('shared')

    // The relay tells it when it comes back, or when it writes.
    await old.run`INSERT INTO note (body) VALUES ('beyond')`.catch(() => undefined)
    await reached(old, ({ status }) => status.failure !== undefined)
    expect(old.status.failure).toMatchObject({ code: 'ErrSuperseded', facts: { epoch: 1n } })
    expect(await failureOf(old.run`INSERT INTO note (body) VALUES ('late')`)).toBe('ErrSuperseded')
    expect((await bodies(old))[0]).toBe('one')
    const file = old.status.failure?.facts['file']
    if (typeof file === 'string') expect((await old.export({ file })).size).toBeGreaterThan(200)
    await old.close()

    const follower = await opened(name, { sync: follow(address) })
    await reached(follower, ({ status }) => status.seq >= copy.status.seq)
    expect(await bodies(follower)).toEqual(['one', 'two'])
    expect((await follower.verify()).root).toBe((await copy.verify()).root)
    await copy.close()
    const again = await opened(copyName, { sync: follow(address) })
    expect((await again.ready).role).toBe('writer')
    const { seq: newest } = await again.run`INSERT INTO note (body) VALUES ('three')`
    await reached(follower, ({ status }) => status.seq >= newest)
    expect(await bodies(follower)).toEqual(['one', 'two', 'three'])
  })

  it('refuses a key that is not the owner’s, and the writer itself', async () => {
    const { seed } = await createIdentity()
    const db = await opened(place.freshName('owned'), {
      migrations,
      identity: seed,
      sync: publish({ via: [relay()] }),
    })
    const copy = await opened(place.freshName('copy'), { sync: follow((await db.ready).address) })
    await reached(copy, ({ status }) => status.seq >= db.status.seq)
    const { seed: other } = await createIdentity()
    expect(await failureOf(copy.takeOver({ key: other }))).toBe('ErrIdentity')
    expect(await failureOf(db.takeOver({ key: seed }))).toBe('ErrRefused')
    expect(copy.status.role).toBe('follower')
  })
})
