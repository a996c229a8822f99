/** What a run in workerd gives its tests: `inject` answers it. */

import type { Blake3File, WycheproofFile, Zip215File } from '../support/kernel-vectors.ts'

/** Parsed files. */
export type PublishedVectors = {
  readonly blake3: Blake3File
  readonly zip215: Zip215File
  readonly wycheproof: WycheproofFile
}

declare module 'vitest' {
  export interface ProvidedContext {
    /** Null, which JSON keeps, where this machine has none. */
    publishedVectors: PublishedVectors | null
    /** ws:// where nobody listens. */
    nobodyUrl: string
  }
}
