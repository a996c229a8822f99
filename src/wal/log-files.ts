/** Log files: opens the files of the log on a device and reads them for recovery. */

import { assert } from '../base/assert.ts'
import type { Device, DeviceFile } from '../storage/device.ts'
import { FILE_HEADER_BYTES } from './layout.ts'
import { isLogFile, type PooledFile } from './pool.ts'
import type { LogFile } from './segments.ts'

/** Read in large pieces: a device may be slow to answer and quick to deliver. */
const READ_BYTES = 4_194_304

export async function openLogFiles(device: Device): Promise<readonly PooledFile[]> {
  const names = (await device.list()).filter(isLogFile)
  const files = await device.open(names)
  return names.map((name, index) => {
    const file = files[index]
    assert(file !== undefined, 'a device answers a handle for each name')
    return { name, file }
  })
}

export function logFileOf({ name, file }: PooledFile): LogFile {
  const sizeBytes = file.size()
  const start = new Uint8Array(Math.min(FILE_HEADER_BYTES, sizeBytes))
  file.read(0, start)
  return { name, sizeBytes, start, load: () => readWhole(file, sizeBytes) }
}

function readWhole(file: DeviceFile, sizeBytes: number): Uint8Array {
  const bytes = new Uint8Array(sizeBytes)
  for (let at = 0; at < sizeBytes; at += READ_BYTES) {
    file.read(at, bytes.subarray(at, Math.min(at + READ_BYTES, sizeBytes)))
  }
  return bytes
}
