/** A dedicated worker that runs cases of the device suite on OPFS, or owns a database until told to
 *  let go.  One message, one reply. */

import { failureOf } from '../../../src/base/failure.ts'
import { createBrowserHost } from '../../../src/platform/host-browser.ts'
import type { Device, DeviceFile } from '../../../src/storage/device.ts'
import { createOpfsDevice } from '../../../src/storage/opfs.ts'
import { deviceCases } from '../../../src/testing/device-suite.ts'

export type DeviceRequest =
  /** Storage names begin with `prefix`, so that runs do not find each other's files. */
  | { readonly do: 'case'; readonly name: string; readonly prefix: string; readonly seed: number }
  | { readonly do: 'acquire'; readonly name: string }
  /** Makes a file so large, until the browser refuses. */
  | { readonly do: 'write' | 'truncate'; readonly name: string; readonly sizeBytes: number }
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
    if (request.do !== 'acquire') await fill(device, request)
  }
}

async function fill(
  full: Device,
  { do: how, sizeBytes }: { readonly do: 'write' | 'truncate'; readonly sizeBytes: number },
): Promise<void> {
  const [file] = await full.open(['data'])
  if (file === undefined) throw new Error('the device opened no file')
  try {
    if (how === 'truncate') file.truncate(sizeBytes)
    else write(file, sizeBytes)
    await file.sync()
  } finally {
    // A site that stays full fails whatever test comes next.
    file.truncate(0)
    await file.sync()
  }
}

function write(file: DeviceFile, sizeBytes: number): void {
  const mebibyte = new Uint8Array(2 ** 20).fill(1)
  for (let at = 0; at < sizeBytes; at += mebibyte.length) file.write(at, mebibyte)
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
