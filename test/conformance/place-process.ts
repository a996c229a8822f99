/** The conformance suite's place on Deno and Bun: files in a temporary folder, and other processes of the
 *  same runtime. */

import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { inject } from 'vitest'
import type { Elsewhere, Place } from './place.ts'

let count = 0

export const place: Place = {
  storageKind: 'node-fs',
  freshName: (label) => join(inject('databaseFolder'), `${label}-${process.pid}-${count++}`),
  openElsewhere,
  bytesOf: async (file) => new Uint8Array(await file.arrayBuffer()),
}

async function openElsewhere(name: string): Promise<Elsewhere> {
  const [program = '', ...parameters] = inject('openElsewhere')
  // No environment: Deno would ask for the permission to hand its own on.
  const options = { cwd: join(inject('packedFolder'), 'project'), env: {} }
  const { stdout } = await promisify(execFile)(program, [...parameters, name], options)
  return JSON.parse(stdout)
}
