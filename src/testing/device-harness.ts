/** What the cases of the device suite share: their context, and devices that are always closed. */

import type { Device, DeviceFile } from '../storage/device.ts'
import { expectEqual } from './expect.ts'

export type DeviceContext = {
  /** A new device on the storage called `name`: the same name finds the same files again. */
  create(name: string): Device
  /** Of the random cases; said in their errors. */
  readonly seed: number
}

export type DeviceCase = {
  readonly name: string
  run(context: DeviceContext): Promise<void>
}

/** Runs `task` on an acquired device and closes it in any case. */
export async function withDevice<T>(
  context: DeviceContext,
  name: string,
  task: (device: Device) => Promise<T>,
): Promise<T> {
  const device = context.create(name)
  await device.acquire()
  try {
    return await task(device)
  } finally {
    await device.close()
  }
}

export async function withFile(
  context: DeviceContext,
  task: (file: DeviceFile, device: Device) => Promise<void>,
): Promise<void> {
  await withDevice(context, 'a', async (device) => task(await openOne(device, 'data'), device))
}

export async function openOne(device: Device, name: string): Promise<DeviceFile> {
  const [file] = await device.open([name])
  if (file === undefined) throw new Error('open answers a handle for each name')
  return file
}

export function readAll(file: DeviceFile): Uint8Array {
  const bytes = new Uint8Array(file.size())
  expectEqual(file.read(0, bytes), bytes.length, 'bytes read of the whole file')
  return bytes
}

export const ascii = (text: string): Uint8Array => new TextEncoder().encode(text)
