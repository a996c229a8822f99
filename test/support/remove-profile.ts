/** Removes the browser profile of one run of the browser tests, whatever happened in it. */

import { rmSync } from 'node:fs'
import type { TestProject } from 'vitest/node'

declare module 'vitest' {
  export interface ProvidedContext {
    browserProfile: string
  }
}

export function setup(project: TestProject): void {
  const profile = project.config.provide.browserProfile
  if (profile === undefined) throw new Error('the browser project gave no profile')
  // Not a teardown: vitest runs those while the browser is still open and writing.
  process.once('exit', () => {
    rmSync(profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 })
  })
}
