/** Proves that the memory device keeps the contract of Device and says that it is not durable. */

import { describe, expect, test } from 'vitest'
import { createMemoryDevice, createMemoryDisk, type MemoryDisk } from '../../src/storage/memory.ts'
import { createManualHost } from '../../src/testing/manual-host.ts'
import { testDevice } from '../support/device-cases.ts'

describe('the memory device passes the device suite', () => {
  const host = createManualHost()
  const disks = new Map<string, MemoryDisk>()
  testDevice((name) => {
    const disk = disks.get(name) ?? createMemoryDisk(name)
    disks.set(name, disk)
    return createMemoryDevice(host, disk)
  })
})

test('a memory device says that it is not durable, and why', () => {
  const device = createMemoryDevice(createManualHost())
  expect([device.kind, device.durable]).toEqual(['memory', false])
  expect(device.reason).toContain('in memory')
})

test('ErrInUse names the owner and when it came', async () => {
  const disk = createMemoryDisk('notes')
  const nowMs = Date.UTC(2026, 10, 20, 9)
  const owner = createMemoryDevice(createManualHost({ who: 'node 7', nowMs }), disk)
  await owner.acquire()
  await expect(createMemoryDevice(createManualHost(), disk).acquire()).rejects.toMatchObject({
    code: 'ErrInUse',
    message: 'The database "notes" is in use by node 7 since 2026-11-20T09:00:00.000Z.',
    facts: { name: 'notes', who: 'node 7', since: nowMs },
  })
})
