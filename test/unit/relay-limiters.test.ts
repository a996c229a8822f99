/** What one machine may take of a relay, with however many keys: questions by connection, connections by
 *  address. */
import { describe, expect, it } from 'vitest'
import { createAddresses } from '../../src/relay/addresses.ts'
import { QUESTION_WINDOW_MS, QUESTIONS_MAX } from '../../src/relay/session.ts'
import { createManualHost } from '../../src/testing/manual-host.ts'
import { createTestChain } from './relay-chains.ts'
import { headsOf, setUpRelay, wantOf } from './relay-fixtures.ts'
import { testSigner } from './transport-fixtures.ts'

describe('a connection that asks', () => {
  it('too often is ended, and may come again', async () => {
    const setup = await setUpRelay()
    const chain = createTestChain()
    const eager = await setup.connect(testSigner(9), 'follower')
    for (let index = 0; index <= QUESTIONS_MAX; index++) void eager.peer.send(headsOf(chain))
    await eager.take()
    expect(await eager.peer.closed).toMatchObject({ code: 'ErrBackpressure' })
    const again = await setup.connect(testSigner(9), 'follower')
    await again.send(headsOf(chain), wantOf(chain, 1))
    expect((await again.take()).length).toBe(2)
  })

  it('as often as it may is served for any time', async () => {
    const setup = await setUpRelay()
    const chain = createTestChain()
    const steady = await setup.connect(testSigner(9), 'follower')
    for (let window = 0; window < 3; window++) {
      for (let index = 0; index < QUESTIONS_MAX; index++) void steady.peer.send(headsOf(chain))
      await setup.host.advance(QUESTION_WINDOW_MS)
      expect((await steady.take()).length).toBe(QUESTIONS_MAX)
    }
  })
})

describe('an address', () => {
  it('has so many connections at once, and others have theirs', () => {
    const addresses = createAddresses(createManualHost(), 2)
    const leave = addresses.enter('192.0.2.1')
    expect(addresses.enter('192.0.2.1')).toBeDefined()
    expect(addresses.enter('192.0.2.1')).toBeUndefined()
    expect(addresses.enter('192.0.2.2')).toBeDefined()
    leave?.()
    expect(addresses.enter('192.0.2.1')).toBeDefined()
  })

  it('begins so many in a minute', async () => {
    const host = createManualHost()
    const addresses = createAddresses(host, 2)
    for (let index = 0; index < 8; index++) addresses.enter('192.0.2.1')?.()
    expect(addresses.enter('192.0.2.1')).toBeUndefined()
    await host.advance(60_000)
    expect(addresses.enter('192.0.2.1')).toBeDefined()
  })

  it('of this machine is not counted: a proxy has counted there', () => {
    const addresses = createAddresses(createManualHost(), 1)
    for (const address of ['127.0.0.1', '::1', '::ffff:127.0.0.1']) {
      for (let index = 0; index < 10; index++) expect(addresses.enter(address)).toBeDefined()
    }
  })
})
