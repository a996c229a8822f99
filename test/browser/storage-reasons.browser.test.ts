/** Proves that IndexedDB under a database says in its reason what the browser does not give it, since that reason
 *  is what `status.storage` shows.  Why it is IndexedDB at all: storage-indexeddb-choice.browser.test.ts. */

import { describe, expect, onTestFinished, test } from 'vitest'
import { createBrowserHost } from '../../src/platform/host-browser.ts'
import type { Device } from '../../src/storage/device.ts'
import { createIndexedDbDevice } from '../../src/storage/indexeddb.ts'

const host = createBrowserHost()
const device = (): Device =>
  createIndexedDbDevice({ host, name: 'reasons', reason: 'a test', isKept: true })

describe('what it lacks is said in its reason', () => {
  test('strict durability, without which it is not durable', () => {
    const { prototype } = IDBTransaction
    const own = Object.getOwnPropertyDescriptor(prototype, 'durability')
    Reflect.deleteProperty(prototype, 'durability')
    onTestFinished(() => {
      if (own !== undefined) Object.defineProperty(prototype, 'durability', own)
    })
    expect(device()).toMatchObject({
      durable: false,
      reason: 'a test; this browser knows no strict durability',
    })
  })

  test('Web Locks, without which the newest opening has it', () => {
    Object.defineProperty(navigator, 'locks', { value: undefined, configurable: true })
    onTestFinished(() => {
      Reflect.deleteProperty(navigator, 'locks')
    })
    expect(device()).toMatchObject({
      durable: true,
      reason: 'a test; without Web Locks here, a newer opening takes it over unasked',
    })
  })
})
