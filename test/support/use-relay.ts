/** Global set-up of the conformance projects: a relay of the packed package, and where it listens. */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { packedAt, packedFolder } from './packed.ts'
import { startRelayProcess } from './relay-process.ts'

declare module 'vitest' {
  export interface ProvidedContext {
    relayUrl: string
    /** Where the databases of a Node run live. */
    databaseFolder: string
  }
}

export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const relay = await startRelayProcess(packedAt(await packedFolder()).project)
  const folder = mkdtempSync(join(tmpdir(), 'constellite-conformance-'))
  project.provide('relayUrl', relay.url)
  project.provide('databaseFolder', folder)
  return async () => {
    await relay.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}
