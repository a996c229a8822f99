/** What an authority may cost a relay that does not store its shard: a bounded number of signatures, a bounded
 *  time of one turn, and memory that is given back. */
import { describe, expect, it } from 'vitest'
import { orThrow } from '../../src/base/failure.ts'
import type { Hlc } from '../../src/base/ids.ts'
import { toSeq } from '../../src/base/ids.ts'
import { AUTHORITY_FRAMES_MAX, extendAuthority, readAuthority } from '../../src/frame/authority.ts'
import type { Frame } from '../../src/frame/frame.ts'
import { createHandOver } from '../../src/frame/hand-over.ts'
import { allowOnly } from '../../src/relay/allow.ts'
import { CANDIDATE_MS } from '../../src/relay/candidate.ts'
import type { Envelope } from '../../src/transport/envelope.ts'
import { createTestChain, type TestChain } from './relay-chains.ts'
import { authorityOf, headsOf, receiptsIn, setUpRelay, typesOf } from './relay-fixtures.ts'
import { testSigner } from './transport-fixtures.ts'

/** The chain's authority with as many hand-overs of one seq after the other. */
async function handOvers(chain: TestChain, count: number): Promise<readonly Frame[]> {
  const frames = [...chain.authority]
  for (let epoch = 1; epoch <= count; epoch++) {
    const last = frames.at(-1) as Frame
    frames.push(
      await createHandOver({
        shard: chain.shard,
        epoch: BigInt(epoch),
        author: testSigner(70 + (epoch % 2)).publicKey,
        fromSeq: toSeq(last.seq + 1n),
        prev: last.checksum,
        hlc: (last.hlc + 1n) as Hlc,
        signer: testSigner(200),
      }),
    )
  }
  return frames
}

describe('an authority for a relay', () => {
  it('is taken from writers only', async () => {
    const setup = await setUpRelay()
    const follower = await setup.connect(testSigner(9), 'follower')
    await follower.send(authorityOf(createTestChain()))
    expect(typesOf(await follower.take())).toEqual(['ErrProtocol'])
    expect((await follower.peer.closed)?.code).toBe('ErrProtocol')
  })

  it('has at most so many terms, everywhere', async () => {
    const chain = createTestChain()
    const most = await handOvers(chain, AUTHORITY_FRAMES_MAX - 1)
    expect(readAuthority(most, chain.shard)).toMatchObject({ ok: true })
    const authority = orThrow(readAuthority(most, chain.shard))
    const one = (await handOvers(chain, AUTHORITY_FRAMES_MAX)).at(-1) as Frame
    expect(extendAuthority(authority, one)).toMatchObject({ failure: { code: 'ErrTooLarge' } })
    const tooMany = await handOvers(chain, AUTHORITY_FRAMES_MAX)
    expect(readAuthority(tooMany, chain.shard)).toMatchObject({ ok: false })
  })

  it('of a peer that may not upload is refused before its signatures are looked at', async () => {
    const setup = await setUpRelay({ allow: allowOnly([testSigner(70).publicKey]) })
    const chain = createTestChain()
    const frames = [...chain.authority, ...createTestChain(5).authority]
    const stranger = await setup.connect(testSigner(9), 'writer')
    const forged: Envelope = { type: 'authority', shard: chain.shard, frames }
    await stranger.send(forged)
    expect(typesOf(await stranger.take())).toEqual(['ErrDenied'])
  })

  it('lets others be served while it is verified', async () => {
    const setup = await setUpRelay()
    const chain = createTestChain()
    const frames = await handOvers(chain, 200)
    const writer = await setup.connect(testSigner(9), 'writer')
    const deferred = countDefers(setup.host)
    await writer.send({ type: 'authority', shard: chain.shard, frames })
    await writer.take()
    // Far more turns than a message takes that is handled in one.
    expect(deferred()).toBeGreaterThan(200 / 8)
    expect(typesOf(await writer.take())).toEqual([])
  })
})

describe('of authorities without a run', () => {
  it('a connection keeps the newest', async () => {
    const setup = await setUpRelay()
    const writer = await setup.connect(testSigner(1), 'writer')
    const [first, second] = [createTestChain(1), createTestChain(2)]
    await writer.send(authorityOf(first), authorityOf(second))
    await writer.send({ type: 'run', bytes: await second.run(1) })
    expect(receiptsIn(await writer.take())).toEqual(['2 durable'])
    await writer.send({ type: 'run', bytes: await first.run(1) })
    expect(typesOf(await writer.take())).toEqual(['ErrProtocol'])
  })

  it('none is kept for longer than its deadline', async () => {
    const setup = await setUpRelay()
    const chain = createTestChain(1)
    const writer = await setup.connect(chain.signer, 'writer')
    await writer.send(headsOf(chain), authorityOf(chain))
    await setup.host.advance(CANDIDATE_MS)
    await writer.take()
    await writer.send({ type: 'run', bytes: await chain.run(1) })
    expect(typesOf(await writer.take())).toEqual(['ErrProtocol'])
  })
})

function countDefers(host: { defer(task: () => void): unknown }): () => number {
  let count = 0
  const defer = host.defer.bind(host)
  host.defer = (task) => {
    count += 1
    return defer(task)
  }
  return () => count
}
