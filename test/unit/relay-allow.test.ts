/** Who may upload to a relay with a list: shards by their id, and authors by the key that they proved.  Public
 *  keys that a stranger can copy from any follower's copy open nothing. */
import { describe, expect, it } from 'vitest'
import { allowOnly } from '../../src/relay/allow.ts'
import { createTestChain } from './relay-chains.ts'
import {
  authorityOf,
  headsOf,
  publish,
  receiptsIn,
  runsIn,
  setUpRelay,
  typesOf,
  wantOf,
} from './relay-fixtures.ts'
import { snapshotOf, upload } from './relay-snapshots.ts'
import { testSigner } from './transport-fixtures.ts'

const OWNER = testSigner(200)
const AUTHOR = testSigner(70)
const STRANGER = testSigner(9)

describe('a stranger is denied, and nothing is stored,', () => {
  it('when its own genesis names an owner who is on the list', async () => {
    const setup = await setUpRelay({ allow: allowOnly([OWNER.publicKey]) })
    const chain = createTestChain(66, OWNER)
    const stranger = await setup.connect(chain.signer, 'writer')
    await stranger.send(headsOf(chain), authorityOf(chain))
    await stranger.send({ type: 'run', bytes: await chain.run(2) })
    expect(typesOf(await stranger.take())).toEqual(['heads', 'ErrDenied', 'ErrDenied'])
    expect(setup.relay.status.shards).toBe(0)
  })

  it('when it hands its own shard to an author who is on the list', async () => {
    const setup = await setUpRelay({ allow: allowOnly([AUTHOR.publicKey]) })
    const chain = createTestChain(67, testSigner(68))
    const bytes = await chain.run(2)
    const next = await chain.handOver(AUTHOR, 4)
    const stranger = await setup.connect(chain.signer, 'writer')
    await stranger.send(headsOf(chain), authorityOf(next), { type: 'run', bytes })
    expect(typesOf(await stranger.take())).toEqual(['heads', 'ErrDenied', 'ErrDenied'])
    expect(setup.relay.status.shards).toBe(0)
  })

  it('when it replays what an author on the list wrote, as run or as snapshot', async () => {
    const setup = await setUpRelay({ allow: allowOnly([AUTHOR.publicKey]) })
    const chain = createTestChain(70)
    const bytes = await chain.run(2)
    const stranger = await setup.connect(STRANGER, 'writer')
    await stranger.send(authorityOf(chain), { type: 'run', bytes })
    await upload(stranger, chain, await snapshotOf(chain, chain.head))
    const types = typesOf(await stranger.take())
    expect(types.slice(0, 3)).toEqual(['ErrDenied', 'ErrDenied', 'ErrDenied'])
    expect(setup.relay.status.shards).toBe(0)
  })
})

describe('an author on the list', () => {
  it('stores what it wrote, and not what another author wrote before it', async () => {
    const setup = await setUpRelay({ allow: allowOnly([AUTHOR.publicKey]) })
    const other = createTestChain(71)
    const earlier = await other.run(2)
    const next = await other.handOver(AUTHOR, 4)
    const writer = await setup.connect(AUTHOR, 'writer')
    await writer.send(authorityOf(next), { type: 'run', bytes: earlier })
    expect(typesOf(await writer.take())).toEqual(['ErrDenied'])
    const mine = createTestChain(70)
    await writer.send(authorityOf(mine), { type: 'run', bytes: await mine.run(2) })
    expect(receiptsIn(await writer.take())).toEqual(['3 durable'])
  })
})

describe('a stored shard', () => {
  it('is read by anybody who knows its id, and goes on only by whoever is on the list', async () => {
    const setup = await setUpRelay({ allow: allowOnly([AUTHOR.publicKey]) })
    const chain = createTestChain(70)
    await publish(setup, chain, [2])
    const reader = await setup.connect(STRANGER, 'follower')
    await reader.send(headsOf(chain), wantOf(chain, 1))
    expect(runsIn(await reader.take())).toEqual(['1-3'])
    const next = await chain.handOver(testSigner(72), 4)
    const other = await setup.connect(next.signer, 'writer')
    await other.send({ type: 'run', bytes: await next.rerun(4, 4) })
    expect(typesOf(await other.take())).toEqual(['ErrDenied'])
  })

  it('that is on the list by its id takes every author whom its chain names', async () => {
    const chain = createTestChain(70)
    const setup = await setUpRelay({ allow: allowOnly([chain.shard]) })
    await publish(setup, chain, [2])
    const next = await chain.handOver(testSigner(72), 4)
    const other = await setup.connect(next.signer, 'writer')
    await other.send({ type: 'run', bytes: await next.rerun(4, 4) })
    expect(receiptsIn(await other.take())).toEqual(['4 durable'])
  })
})
