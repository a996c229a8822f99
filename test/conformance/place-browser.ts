/** The conformance suite's place in a browser: OPFS, and frames of a page as other windows, each with its own
 *  copy of the package. */

import { isFailure } from 'constellite'
import { openWindow } from './browser/window.ts'
import type { Elsewhere, Place } from './place.ts'

const run = crypto.randomUUID()
let count = 0

export const place: Place = {
  storageKind: 'opfs',
  isSiteMeasured: true,
  isShared: true,
  freshName: (label) => `${label}-${run}-${count++}`,
  openElsewhere,
  bytesOf: async (file) => new Uint8Array(await file.arrayBuffer()),
}

async function openElsewhere(name: string): Promise<Elsewhere> {
  const window = await openWindow()
  try {
    const db = await window.open(name)
    await db.close()
    return { opened: true }
  } catch (error) {
    if (!isFailure(error)) throw error
    return { opened: false, code: error.code, facts: error.facts }
  } finally {
    window.end()
  }
}
