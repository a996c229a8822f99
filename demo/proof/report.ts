/** Report: what the follower's process tells the one that started it. */

import type { VerifyReport } from '../../src/database/types.ts'

/** Asked: stand at this seq, then look. */
export type Ask = { readonly seq: bigint }

export type Answer =
  | {
      readonly ok: true
      readonly seq: bigint
      readonly verified: VerifyReport
      /** What SQLite itself says, inside the follower. */
      readonly integrity: string
      /** A plain SQLite file, exported by the follower. */
      readonly path: string
    }
  | { readonly ok: false; readonly text: string }
