/** The conformance suite's place on Bun. */

import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { Place } from './place.ts'
import { createProcessPlace } from './place-process.ts'

export const place: Place = createProcessPlace(async ([program = '', ...parameters], cwd) => {
  const { stdout } = await promisify(execFile)(program, parameters, { cwd })
  return stdout
})
