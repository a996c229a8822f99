/** The replicator decides: the local one at once; and nothing leaves that was not accepted. */

import { describe, expect, it } from 'vitest'
import { signerFromSeed } from '../../src/crypto/signer-noble.ts'
import type { SealedRun } from '../../src/frame/run.ts'
import { createLocalReplicator } from '../../src/replication/local.ts'
import type { Decision, Replicator } from '../../src/replication/replicator.ts'
import { createSealFeed } from '../../src/replication/seal-feed.ts'
import { startSync } from '../../src/replication/start-sync.ts'
import { setUpRelay } from './relay-fixtures.ts'
import { commit, drive, openWriter, PAGE_SIZE, runsOf, seedOf } from './shard-fixtures.ts'
import { HUB_URL } from './transport-fixtures.ts'

/** Decides as it is told; counts what was proposed. */
function scripted(decisions: Decision['type'][]): Replicator & { readonly proposed: bigint[] } {
  const local = createLocalReplicator()
  const proposed: bigint[] = []
  return {
    ...local,
    proposed,
    async propose(run: SealedRun) {
      proposed.push(run.seal.seq)
      const type = decisions.shift() ?? 'accept'
      if (type === 'reject') return { type, reason: 'the others disagree' }
      return type === 'timeout' ? { type } : local.propose(run)
    },
  }
}

describe('the local replicator', () => {
  it('accepts at once and tells subscribers of every run in order, each once', async () => {
    const { shard } = await openWriter()
    const replicator = createLocalReplicator()
    const heard: bigint[] = []
    const unsubscribe = replicator.subscribe((run) => heard.push(run.seal.seq))
    await commit(shard, { 1: 1 })
    const [first] = await runsOf(shard)
    await commit(shard, { 1: 2 })
    const [second] = await runsOf(shard, 3n)
    for (const run of [first!, first!, second!]) {
      expect(await replicator.propose(run)).toMatchObject({
        type: 'accept',
        position: { seq: run.seal.seq },
      })
    }
    expect(heard).toEqual([2n, 3n])
    unsubscribe()
    expect(replicator.stats()).toEqual({ proposed: 3, accepted: 3, rejected: 0 })
    await replicator.close()
    await expect(replicator.propose(first!)).rejects.toMatchObject({ code: 'ErrClosed' })
  })
})

describe('the feed of sealed runs', () => {
  it.each(['reject', 'timeout'] as const)(
    'does not move final on %s, says so, and proposes again for the next who asks',
    async (type) => {
      const { shard } = await openWriter()
      await shard.seal()
      const replicator = scripted([type])
      const feed = createSealFeed(shard, replicator)
      expect(feed.final).toBe(1n)
      await commit(shard, { 1: 1 })
      const waiting = expect(feed.next()).rejects.toMatchObject({ code: 'ErrUnavailable' })
      await shard.seal()
      await waiting
      expect(feed.final).toBe(1n)
      await feed.next()
      expect(feed.final).toBe(2n)
      expect(replicator.proposed).toEqual([2n, 2n])
      feed.stop()
    },
  )

  it('goes on past an import, which has no frames to propose', async () => {
    const { shard } = await openWriter()
    await shard.seal()
    const replicator = scripted([])
    const feed = createSealFeed(shard, replicator)
    await shard.importPages({
      pageSize: PAGE_SIZE,
      pageCount: 2,
      readPage: (pgno, into) => {
        into.fill(pgno)
      },
    })
    if (feed.final < 2n) await feed.next()
    expect(feed.final).toBe(2n)
    await commit(shard, { 1: 9 })
    await shard.seal()
    if (feed.final < 3n) await feed.next()
    expect(feed.final).toBe(3n)
    expect(replicator.proposed).toEqual([3n])
    feed.stop()
  })

  it('lets whoever waits go when it stops', async () => {
    const { shard } = await openWriter()
    await shard.seal()
    const feed = createSealFeed(shard, createLocalReplicator())
    const waiting = feed.next()
    feed.stop()
    await expect(waiting).resolves.toBeUndefined()
  })
})

describe('a publishing writer', () => {
  it('sends nothing that the replicator has not accepted, and says why it waits', async () => {
    const { host, hub } = await setUpRelay()
    const { shard } = await openWriter(host)
    await shard.seal()
    const decisions: Decision['type'][] = Array(200).fill('timeout')
    const sync = startSync({
      host,
      shard,
      role: 'writer',
      replicator: scripted(decisions),
      signer: signerFromSeed(seedOf(1)),
      transports: [hub.transport(HUB_URL)],
      exclusively: (task) => task(),
    })
    await host.advance(1000)
    await commit(shard, { 1: 1 })
    await shard.seal()
    for (let step = 0; step < 20; step++) await host.advance(500)
    expect(sync.status.counters['sent']).toBe(1)
    expect(sync.status.pending).toBe(1)
    expect(sync.status.failure?.message).toContain('not final')
    decisions.length = 0
    for (let step = 0; step < 100 && sync.status.pending > 0; step++) await host.advance(500)
    expect(sync.status.counters['sent']).toBe(2)
    await drive(host, sync.stop())
  })
})
