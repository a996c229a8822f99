/** A copy that goes back to a hand-over by a snapshot at the very seq of its head forgets the branch that it
 *  leaves: nothing of it is read back from the log as part of the chain.
 *  Found by the simulator: seed 255, hand-overs and crashes. */

import { expect, it } from 'vitest'
import { toSeq } from '../../src/base/ids.ts'
import {
  catchUp,
  commit,
  drive,
  openFollower,
  openHeir,
  openWriter,
  snapshotBytes,
  stream,
  takeOver,
} from './shard-fixtures.ts'

it('when hand-over and head have the same seq', async () => {
  const { shard: writer } = await openWriter()
  await commit(writer, { 1: 1 })
  const { shard: heir, host: heirHost } = await openHeir(writer, 2)
  await commit(writer, { 1: 2 })
  const { shard: follower, host } = await openFollower(writer)
  await drive(host, catchUp(writer, follower))
  // It was a writer once: its log keeps frames for a relay.
  follower.hold('relay', toSeq(0))
  await drive(heirHost, takeOver(heir))
  expect(heir.head.seq).toBe(follower.head.seq)
  const snapshot = await drive(heirHost, snapshotBytes(heir))
  expect(await drive(host, follower.install(stream(snapshot)))).toEqual({ isRewound: true })
  expect(follower.readFrame(follower.head.seq)?.checksum ?? heir.head.checksum).toEqual(
    heir.head.checksum,
  )
  const report = await drive(host, follower.verify())
  expect([report.pages, report.chain.broken, report.seals.broken]).toEqual([
    'match',
    undefined,
    undefined,
  ])
})
