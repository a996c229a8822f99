/** A writer that was superseded by somebody who had been the writer before learns it: the head of an author
 *  that it knows does not tell of a later term, the relay's refusal makes it ask.
 *  Found by the simulator: seed 261, four hand-overs. */

import { expect, it } from 'vitest'
import { toSeq } from '../../src/base/ids.ts'
import { createWorld, listenScripted } from './replication-fixtures.ts'
import { commit, openHeir, openWriter, takeOver } from './shard-fixtures.ts'

it('asks for the list of authors when it is refused as superseded', async () => {
  const world = createWorld()
  const { shard: writer } = await openWriter(world.host)
  const known = await commit(writer, { 1: 1 })
  const { shard: heir } = await openHeir(writer, 2)
  await takeOver(heir)
  await commit(writer, { 1: 2 })
  const { id, ownAuthor: author } = writer
  listenScripted(world, async (envelope, peer) => {
    if (envelope.type === 'run') {
      await peer.send({ type: 'error', code: 'ErrSuperseded', text: 'A hand-over came.' })
    }
    if (envelope.type !== 'heads') return
    if (envelope.heads.length === 0) {
      await peer.send({ type: 'authority', shard: id, frames: heir.authority })
    }
    const heads = [{ author, position: known }]
    await peer.send({ type: 'heads', shard: id, heads, first: toSeq(1) })
  })
  world.sync(writer, 'writer')
  expect(await world.until(() => writer.halted !== undefined)).toBe(true)
  expect(writer.halted?.code).toBe('ErrSuperseded')
  await world.close()
})
