/** Pool: the log's files, opened before they are needed and used again when they are released.
 *  Keeps: a file that is given back has no header any more, durably, before it can be taken again; a
 *  spare file keeps its size, because writing where a file already is makes a flush cheaper.
 *  Never: decides when a segment may be released (retention.ts). */

import { assert } from '../base/assert.ts'
import { isZero } from '../bytes/compare.ts'
import type { Device, DeviceFile } from '../storage/device.ts'
import { FILE_HEADER_BYTES } from './layout.ts'

export type PooledFile = { readonly name: string; readonly file: DeviceFile }

export type Pool = {
  /** A file without a header, opened; made when there is no spare one. */
  take(): Promise<PooledFile>
  /** Erases headers, durably; keeps a few files as spares and removes the rest. */
  give(files: readonly PooledFile[]): Promise<void>
  closeSpares(): void
}

const FILE_NAME = /^log-(0|[1-9][0-9]{0,8})$/
const SPARES_MAX = 2
/** 16 MiB: more than a segment takes between two checkpoints. */
const SPARE_BYTES_MAX = 16_777_216

export function isLogFile(name: string): boolean {
  return FILE_NAME.test(name)
}

/** `names` are those in use. */
export function createPool(device: Device, names: readonly string[]): Pool {
  const spares: PooledFile[] = []
  const known = new Set(names)
  const makeFile = async (): Promise<PooledFile> => {
    let number = 0
    while (known.has(`log-${number}`)) number += 1
    const name = `log-${number}`
    known.add(name)
    try {
      const [file] = await device.open([name])
      assert(file !== undefined, 'a device answers a handle for each name')
      return { name, file }
    } catch (error) {
      known.delete(name)
      throw error
    }
  }
  return {
    async take() {
      return spares.pop() ?? (await makeFile())
    },
    async give(files) {
      const erased = files.filter(({ file }) => eraseHeader(file))
      for (const { file } of erased) await file.sync()
      for (const { name, file } of files) {
        if (spares.length < SPARES_MAX) {
          if (file.size() > SPARE_BYTES_MAX) file.truncate(SPARE_BYTES_MAX)
          spares.push({ name, file })
          continue
        }
        file.close()
        await device.remove([name])
        known.delete(name)
      }
    },
    closeSpares() {
      for (const { file } of spares.splice(0)) file.close()
    },
  }
}

/** False when there was none. */
function eraseHeader(file: DeviceFile): boolean {
  const header = new Uint8Array(Math.min(FILE_HEADER_BYTES, file.size()))
  file.read(0, header)
  if (isZero(header)) return false
  file.write(0, new Uint8Array(header.byteLength))
  return true
}
