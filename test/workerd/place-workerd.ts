/** The conformance suite's place in workerd: one object's storage, and a second copy of the package in it. */

import * as again from '#edge-again'
import type { Elsewhere, Place } from '../conformance/place.ts'
import { here } from './here.ts'

let count = 0

export const place: Place = {
  storageKind: 'durable-object',
  isSiteMeasured: false,
  isShared: false,
  freshName: (label) => `${label}-${crypto.randomUUID()}-${count++}`,
  openElsewhere,
  bytesOf: async (file) => new Uint8Array(await file.arrayBuffer()),
}

/** No other object or process can reach this one's storage. */
async function openElsewhere(name: string): Promise<Elsewhere> {
  const db = again.open(here().ctx, name)
  try {
    await db.ready
    await db.close()
    return { opened: true }
  } catch (error) {
    if (!again.isFailure(error)) throw error
    const { code, facts } = error
    return { opened: false, code, facts }
  }
}
