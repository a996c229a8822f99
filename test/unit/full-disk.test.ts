/** A full disk under a follower and under a relay: what was taken stays, what does not fit is refused with a
 *  typed failure, and with room both go on.  Under a writer: database-crash.test.ts and shard-power.test.ts. */

import { describe, expect, it } from 'vitest'
import { isFailure } from '../../src/base/failure.ts'
import type { RelayStore } from '../../src/relay/store.ts'
import { createFaultyDisk } from '../../src/storage/faulty.ts'
import { createManualHost } from '../../src/testing/manual-host.ts'
import { rejection } from './database-fixtures.ts'
import { createTestChain } from './relay-chains.ts'
import { authorityOf, headsOf, setUpRelay, wantOf } from './relay-fixtures.ts'
import { catchUp, commit, contents, drive, openOn, openWriter } from './shard-fixtures.ts'
import { testSigner } from './transport-fixtures.ts'

describe('a full disk', () => {
  it('of a follower refuses what arrives whole, keeps what it had, and takes it when there is room', async () => {
    const { shard: writer } = await openWriter()
    await commit(writer, { 1: 1, 2: 2 })
    const host = createManualHost({ seed: 2 })
    const disk = createFaultyDisk()
    const open = () => drive(host, openOn(disk.device(host), host, { seed: 2, follow: writer.id }))
    const follower = await open()
    follower.adoptAuthority(writer.authority)
    await drive(host, catchUp(writer, follower))

    const many = Object.fromEntries(Array.from({ length: 3000 }, (_, index) => [index + 1, 7]))
    await commit(writer, many)
    disk.limitBytes(disk.sizeBytes)
    const failure = await rejection(drive(host, catchUp(writer, follower)))
    expect(isFailure(failure)).toBe(true)
    expect(['ErrQuota', 'ErrPoisoned']).toContain(failure.code)
    expect(contents(follower)).toEqual([1, 2])
    await drive(host, follower.close()).catch(() => undefined)

    disk.limitBytes(Number.POSITIVE_INFINITY)
    disk.abandon()
    const again = await open()
    expect(contents(again)).toEqual([1, 2])
    await drive(host, catchUp(writer, again))
    expect(contents(again)).toEqual(contents(writer))
  })

  it('of a relay refuses with ErrRelayFull, still serves what it has, and takes more when there is room', async () => {
    const chain = createTestChain()
    const host = createManualHost()
    const disk = createFaultyDisk()
    const store: RelayStore = { list: async () => [], device: () => disk.device(host) }
    const setup = await setUpRelay({}, { host, store })
    const writer = await setup.connect(chain.signer, 'writer')
    await writer.send(headsOf(chain), authorityOf(chain), {
      type: 'run',
      bytes: await chain.run(2),
    })
    expect((await writer.take()).map(({ type }) => type)).toContain('receipt')
    const stored = Number(chain.head.seq)

    disk.limitBytes(disk.sizeBytes)
    const large = await chain.run(1, 2_000_000)
    await writer.send({ type: 'run', bytes: large })
    const answers = await writer.take()
    expect(answers).toContainEqual(expect.objectContaining({ type: 'error', code: 'ErrRelayFull' }))

    const follower = await setup.connect(testSigner(60), 'follower')
    await follower.send(wantOf(chain, 1, stored))
    expect((await follower.take()).map(({ type }) => type)).toContain('run')

    disk.limitBytes(Number.POSITIVE_INFINITY)
    const next = await setup.connect(chain.signer, 'writer')
    await next.send(headsOf(chain), authorityOf(chain), { type: 'run', bytes: large })
    expect((await next.take()).map(({ type }) => type)).toContain('receipt')
  })
})
