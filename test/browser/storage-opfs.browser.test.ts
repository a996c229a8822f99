/** Proves that the OPFS device keeps the contract of Device in a dedicated worker, that another tab is
 *  told who owns and since when, and that an owner that ended is gone. */

import { describe, expect, onTestFinished, test } from 'vitest'
import { cdp, server } from 'vitest/browser'
import { createBrowserHost } from '../../src/platform/host-browser.ts'
import { createOpfsDevice } from '../../src/storage/opfs.ts'
import { deviceCases } from '../../src/testing/device-suite.ts'
import type { DeviceReply, DeviceRequest } from '../support/workers/device-worker.ts'

const WORKER_URL = new URL('../support/workers/device-worker.ts', import.meta.url).href
const prefix = `run ${Date.now()} `

type DeviceWorker = {
  ask(request: DeviceRequest): Promise<DeviceReply>
  terminate(): void
}

/** `realm` is the window whose worker it is: its end is the worker's end. */
function startWorker(realm: { readonly Worker: typeof Worker } = globalThis): DeviceWorker {
  const worker = new realm.Worker(WORKER_URL, { type: 'module' })
  onTestFinished(() => worker.terminate())
  return {
    ask: (request) =>
      new Promise((resolve, reject) => {
        worker.onmessage = (event: MessageEvent<DeviceReply>) => resolve(event.data)
        worker.onerror = (event) => reject(new Error(`the worker failed: ${event.message}`))
        worker.postMessage(request)
      }),
    terminate: () => worker.terminate(),
  }
}

/** Waits until their scripts run, so that what follows finds them ready at once. */
async function loaded(workers: readonly DeviceWorker[]): Promise<readonly DeviceWorker[]> {
  for (const worker of workers) await worker.ask({ do: 'close' })
  return workers
}

/** A second tab of this origin; any small page that the test server has will do. */
async function openTab(): Promise<Window & typeof globalThis> {
  const tab = window.open(WORKER_URL)
  if (tab === null) throw new Error('the browser opens no second tab')
  onTestFinished(() => tab.close())
  await new Promise((resolve) => tab.addEventListener('load', resolve))
  // Both windows run the same code, so the global names of this one hold in the other.
  return tab as Window & typeof globalThis
}

describe('the OPFS device passes the device suite in a dedicated worker', () => {
  for (const { name } of deviceCases()) {
    test(name, async () => {
      const reply = await startWorker().ask({ do: 'case', name, prefix, seed: 20_261_120 })
      expect(reply).toMatchObject({ ok: true })
    })
  }
})

describe('ownership', () => {
  test('another tab is refused with who and since, and comes in after the owner closed', async () => {
    const name = `${prefix}Zwei Tabs / \u{1f4d3}`
    const before = Date.now()
    const [here, there] = [startWorker(), startWorker(await openTab())]
    const owned = await here.ask({ do: 'acquire', name })
    expect(owned).toMatchObject({ ok: true, who: expect.stringMatching(/^tab [0-9a-f]{8}$/) })
    const refused = await there.ask({ do: 'acquire', name })
    expect(refused).toMatchObject({ ok: false, code: 'ErrInUse' })
    if (!owned.ok || refused.ok) throw new Error('asserted above')
    expect(refused.who).toBe(owned.who)
    expect(refused.since).toBeGreaterThanOrEqual(before)
    expect(refused.since).toBeLessThanOrEqual(Date.now())
    await here.ask({ do: 'close' })
    expect(await there.ask({ do: 'acquire', name })).toMatchObject({ ok: true })
  })

  test('a terminated worker leaves nothing that keeps the next one out', async () => {
    const name = `${prefix}terminated`
    for (const worker of await loaded([1, 2, 3, 4, 5].map(() => startWorker()))) {
      expect(await worker.ask({ do: 'acquire', name })).toMatchObject({ ok: true })
      worker.terminate()
    }
  })

  test('a closed tab leaves nothing that keeps the next one out', async () => {
    const name = `${prefix}closed tab`
    const tabs = await Promise.all([1, 2, 3].map(openTab))
    const workers = await loaded([...tabs.map(startWorker), startWorker()])
    for (const [index, worker] of workers.entries()) {
      expect(await worker.ask({ do: 'acquire', name })).toMatchObject({ ok: true })
      tabs[index]?.close()
    }
  })

  test('a handle that is held without a lock is still a fence', async () => {
    const name = 'fence'
    const source = `onmessage = async () => {
      const root = await navigator.storage.getDirectory()
      const all = await root.getDirectoryHandle('constellite', { create: true })
      const folder = await all.getDirectoryHandle('${name}', { create: true })
      const file = await folder.getFileHandle('owner', { create: true })
      globalThis.handle = await file.createSyncAccessHandle()
      postMessage('held')
    }`
    const stranger = new Worker(URL.createObjectURL(new Blob([source])))
    await new Promise((resolve) => {
      stranger.onmessage = resolve
      stranger.postMessage('')
    })
    const worker = startWorker()
    expect(await worker.ask({ do: 'acquire', name })).toMatchObject({
      ok: false,
      code: 'ErrInUse',
      who: 'unknown',
    })
    stranger.terminate()
    expect(await worker.ask({ do: 'acquire', name })).toMatchObject({ ok: true })
  })
})

test.each(['write', 'truncate'] as const)('a full disk is ErrQuota: %s', async (how) => {
  // Chromium estimates freely, and gets its limit here; Firefox has one from its start.
  const freeBytes =
    server.browser === 'chromium' ? await limitStorage(8 * 2 ** 20) : await freeStorage()
  expect(freeBytes).toBeLessThan(2 ** 28)
  const sizeBytes = freeBytes + 8 * 2 ** 20
  const reply = await startWorker().ask({ do: how, name: `${prefix}full ${how}`, sizeBytes })
  expect(reply).toMatchObject({ ok: false, code: 'ErrQuota' })
})

async function freeStorage(): Promise<number> {
  const { quota = 0, usage = 0 } = await navigator.storage.estimate()
  return quota - usage
}

/** Leaves so much of Chromium's storage to this origin until the test is over. */
async function limitStorage(freeBytes: number): Promise<number> {
  const origin = location.origin
  const session = cdp()
  const { usage = 0 } = await navigator.storage.estimate()
  await session.send('Storage.overrideQuotaForOrigin', { origin, quotaSize: usage + freeBytes })
  onTestFinished(async () => {
    await session.send('Storage.overrideQuotaForOrigin', { origin })
  })
  return freeBytes
}

test('outside a dedicated worker it fails and says where to open it', async () => {
  const device = createOpfsDevice(createBrowserHost(), `${prefix}in a page`)
  await expect(device.acquire()).rejects.toMatchObject({
    code: 'ErrStorage',
    hint: expect.stringContaining('dedicated worker'),
  })
})
