/** Global set-up of the projects that test the packed package: makes it, and says where it is. */

import type { TestProject } from 'vitest/node'
import { packedFolder } from './packed.ts'

declare module 'vitest' {
  export interface ProvidedContext {
    /** Folder of the tarball and of the project that installed it. */
    packedFolder: string
  }
}

export async function setup(project: TestProject): Promise<void> {
  project.provide('packedFolder', await packedFolder())
}
