/** A dedicated worker that runs cases of the device suite on OPFS, or owns a database until told to
 *  let go.  One message, one reply. */

import { failureOf } from '../../../src/base/failure.ts'
import { createBrowserHost } from '../../../src/platform/host-browser.ts'
import type { Device } from '../../../src/storage/device.ts'
import { createOpfsDevice } from '../../../src/storage/opfs.ts'
import { deviceCases } from '../../../src/testing/device-suite.ts'

export type DeviceRequest =
  /** Storage names begin with `prefix`, so that runs do not find each other's files. */
  | { readonly do: 'case'; readonly name: string; readonly prefix: string; readonly seed: number }
  | { readonly do: 'acquire' | 'fill'; readonly name: string }
  | { readonly do: 'close' }

export type DeviceReply =
  | { readonly ok: true; readonly who: string; readonly elapsedMs: number }
  | {
      readonly ok: false
      readonly code: string
      readonly message: string
      readonly who: unknown
      readonly since: unknown
    }

const host = createBrowserHost()
let device: Device | undefined

async function handle(request: DeviceRequest): Promise<void> {
  if (request.do === 'case') {
    const { name, prefix, seed } = request
    const found = deviceCases().find((one) => one.name === name)
    if (found === undefined) throw new Error(`no case is called ${name}`)
    await found.run({ create: (suffix) => createOpfsDevice(host, prefix + suffix), seed })
  } else if (request.do === 'close') {
    await device?.close()
  } else {
    device = createOpfsDevice(host, request.name)
    await device.acquire()
    if (request.do === 'fill') await fill(device)
  }
}

/** Writes until the browser refuses. */
async function fill(full: Device): Promise<void> {
  const [file] = await full.open(['data'])
  const mebibyte = new Uint8Array(2 ** 20).fill(1)
  for (let count = 0; count < 64; count++) file?.write(count * mebibyte.length, mebibyte)
  await file?.sync()
}

globalThis.addEventListener('message', async (event: MessageEvent<DeviceRequest>) => {
  const startMs = host.monotonicNow()
  let reply: DeviceReply
  try {
    await handle(event.data)
    reply = { ok: true, who: host.who, elapsedMs: host.monotonicNow() - startMs }
  } catch (error) {
    const { code, message, facts } = failureOf(error)
    reply = { ok: false, code, message, who: facts['who'], since: facts['since'] }
  }
  globalThis.postMessage(reply)
})
