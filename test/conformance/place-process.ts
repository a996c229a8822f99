/** The conformance suite's place where a database is files in a folder and other processes of the same runtime
 *  can be started: what Deno and Bun share. */

import { join } from 'node:path'
import { inject } from 'vitest'
import type { Place } from './place.ts'

/** What a command prints, run in `folder`. */
export type RunCommand = (command: readonly string[], folder: string) => Promise<string>

export function createProcessPlace(run: RunCommand): Place {
  let count = 0
  return {
    storageKind: 'node-fs',
    isSiteMeasured: false,
    isShared: false,
    freshName: (label) => join(inject('databaseFolder'), `${label}-${process.pid}-${count++}`),
    openElsewhere: async (name) => {
      const folder = join(inject('packedFolder'), 'project')
      return JSON.parse(await run([...inject('openElsewhere'), name], folder))
    },
    bytesOf: async (file) => new Uint8Array(await file.arrayBuffer()),
  }
}
