/** A writer that was superseded below what its log still has learns it from a relay, instead of taking the
 *  relay's head for an old one of its own and being refused for ever.
 *  Found by the simulator: seed 56, faults power-cut and hand-over. */

import { expect, it } from 'vitest'
import { toSeq } from '../../src/base/ids.ts'
import { createWorld, listenScripted } from './replication-fixtures.ts'
import { commit, openHeir, openWriter, takeOver } from './shard-fixtures.ts'

it('asks who an author is that it does not know, wherever that author stands', async () => {
  const world = createWorld()
  const { host } = world
  const { shard: writer } = await openWriter(host)
  await commit(writer, { 1: 1 })
  const { shard: heir } = await openHeir(writer, 2)
  await takeOver(heir)
  for (const fill of [2, 3, 4]) await commit(writer, { 1: fill })
  await writer.checkpoint()
  await commit(writer, { 1: 5 })
  // Without a holder the log has let go of everything before the checkpoint.
  expect((writer.range()?.first ?? 0n) > heir.head.seq).toBe(true)
  const { id } = writer
  const author = heir.author?.key ?? new Uint8Array(32)
  listenScripted(world, async (envelope, peer) => {
    if (envelope.type !== 'heads') return
    if (envelope.heads.length === 0) {
      await peer.send({ type: 'authority', shard: id, frames: heir.authority })
    }
    const heads = [{ author, position: heir.head }]
    await peer.send({ type: 'heads', shard: id, heads, first: toSeq(1) })
  })
  world.sync(writer, 'writer')
  expect(await world.until(() => writer.halted !== undefined)).toBe(true)
  expect(writer.halted?.code).toBe('ErrSuperseded')
  await world.close()
})
