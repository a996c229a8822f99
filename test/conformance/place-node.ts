/** The conformance suite's place on Node: files in a temporary folder, and other processes. */

import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { inject } from 'vitest'
import type { Elsewhere, Place } from './place.ts'

let count = 0

export const place: Place = {
  storageKind: 'node-fs',
  isSiteMeasured: false,
  isShared: false,
  freshName: (label) => join(inject('databaseFolder'), `${label}-${process.pid}-${count++}`),
  openElsewhere,
  bytesOf: async (file) => new Uint8Array(await file.arrayBuffer()),
}

async function openElsewhere(name: string): Promise<Elsewhere> {
  const code = `
    import { open } from 'constellite'
    const answer = (value) => console.log(JSON.stringify(value))
    try {
      const db = await open(${JSON.stringify(name)})
      await db.close()
      answer({ opened: true })
    } catch ({ code, facts }) {
      answer({ opened: false, code, facts })
    }`
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--input-type=module', '--eval', code],
    { cwd: join(inject('packedFolder'), 'project') },
  )
  return JSON.parse(stdout)
}
