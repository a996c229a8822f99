/** A relay in an object stays within the memory of one, by its limits and whatever its far ends send. */
import { expect, it } from 'vitest'
import {
  OBJECT_LIMITS,
  OBJECT_MEMORY_BYTES,
  OBJECT_PEER_LIMITS,
} from '../../src/relay/object-limits.ts'
import { encodeEnvelope } from '../../src/transport/envelope.ts'
import { JOINED_BYTES_MAX } from '../../src/transport/layout.ts'
import { splitIntoParts } from '../../src/transport/part.ts'
import { createTestChain } from './relay-chains.ts'
import { headsOf } from './relay-fixtures.ts'
import { createSleepWorld } from './relay-sleep-fixtures.ts'
import { testSigner } from './transport-fixtures.ts'

const MIB = 1024 * 1024

it('the limits of an object, all reached at once, are below its memory', () => {
  const { openShardsMax, logBytesMax, heldBytesMax, connectionsMax } = OBJECT_LIMITS
  const counted = {
    // Every open log, and the copy that one is read into: not two, since they are opened one by one.
    logs: (openShardsMax + 1) * logBytesMax,
    messages: heldBytesMax,
    // The whole of a message beside its parts.
    join: JOINED_BYTES_MAX,
    strangers: connectionsMax * OBJECT_PEER_LIMITS.strangerBytesMax,
    code: 8 * MIB,
  }
  expect(OBJECT_LIMITS.opensTogether).toBe(false)
  const sum = Object.values(counted).reduce((total, sizeBytes) => total + sizeBytes, 0)
  expect(sum).toBeLessThan(OBJECT_MEMORY_BYTES)
})

it('of strangers with half-sent messages the largest is ended, and nobody else', async () => {
  const limits = { heldBytesMax: 8 * MIB }
  const world = await createSleepWorld({ limits })
  const quiet = await world.connect(testSigner(50), 'follower')
  const bytes = new Uint8Array(6 * MIB)
  const parts = splitIntoParts(encodeEnvelope({ type: 'run', bytes }), 0)
  const hostile = []
  for (let key = 60; key < 63; key++) {
    const one = await world.connect(testSigner(key), 'writer')
    hostile.push(one)
    for (const part of parts.slice(0, 4)) {
      one.kept.clientEnd.socket.send(part)
      await world.pass(100)
      world.relay.endLargest()
    }
  }
  await world.pass(500)
  expect(hostile.filter(({ kept }) => kept.isOpen).length).toBe(2)
  await quiet.send(headsOf(createTestChain()))
  expect((await quiet.take()).length).toBe(1)
})
