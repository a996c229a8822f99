/** Patience with an owner that is not gone yet: asked every 10 ms, 20 times after the first, then given up. */

import { expect, it } from 'vitest'
import { withPatience } from '../../src/storage/patience.ts'
import { createManualHost } from '../../src/testing/manual-host.ts'
import { drive } from './shard-fixtures.ts'

it('asks again every 10 ms, and answers as soon as it can be had', async () => {
  const host = createManualHost()
  const times: number[] = []
  const startMs = host.monotonicNow()
  const answer = await drive(
    host,
    withPatience(host, async () => {
      times.push(host.monotonicNow() - startMs)
      return times.length === 4 ? 'mine' : undefined
    }),
  )
  expect(answer).toBe('mine')
  expect(times).toEqual([0, 10, 20, 30])
})

it('gives up after 200 ms, with no answer', async () => {
  const host = createManualHost()
  const startMs = host.monotonicNow()
  let calls = 0
  const answer = await drive(
    host,
    withPatience(host, async () => {
      calls += 1
      return undefined
    }),
  )
  expect([answer, calls, host.monotonicNow() - startMs]).toEqual([undefined, 21, 200])
})

it('does not ask again after a failure, which it throws as it was', async () => {
  const broken = new Error('The disk broke.')
  let calls = 0
  const asked = withPatience(createManualHost(), () => {
    calls += 1
    return Promise.reject(broken)
  })
  await expect(asked).rejects.toBe(broken)
  expect(calls).toBe(1)
})
