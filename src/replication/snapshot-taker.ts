/** Snapshot taker: asks a peer for a snapshot, and lets the shard install it while its parts arrive.
 *  Keeps: one at a time; a part is taken only when the one before it was; a failure of the install reaches
 *  whoever brings the next part.  Never: decides what comes after it. */

import type { Seq } from '../base/ids.ts'
import type { Installed, Shard } from '../shard/shard.ts'
import type { SessionContext } from './session.ts'
import { createSnapshotInlet, type SnapshotInlet } from './snapshot-inlet.ts'

export type SnapshotPart = {
  readonly index: number
  readonly last: boolean
  readonly bytes: Uint8Array
}

export type SnapshotTaker = {
  /** A snapshot was asked for and is not wholly here. */
  readonly isTaking: boolean
  /** Asks for one at or past `seqMin`, unless one is on its way. */
  ask(seqMin: Seq): Promise<void>
  /** Answers what the last part completed. */
  take(part: SnapshotPart): Promise<Installed | undefined>
  /** The connection ended: resolves when nothing is under way any more. */
  end(reason: unknown): Promise<void>
}

export function createSnapshotTaker(
  { shard, peer, count, onProgress }: SessionContext,
  install: Shard['install'] = shard.install,
): SnapshotTaker {
  let inlet: SnapshotInlet | undefined
  let installing: Promise<Installed> | undefined
  return {
    get isTaking() {
      return inlet !== undefined
    },
    async ask(seqMin) {
      if (inlet !== undefined) return
      inlet = createSnapshotInlet()
      onProgress(0)
      await peer.send({ type: 'want-snapshot', shard: shard.id, seqMin })
    },
    async take(part) {
      if (inlet === undefined) {
        count('ignored')
        return undefined
      }
      if (installing === undefined) {
        installing = install(inlet.parts, onProgress)
        // It may fail while no part is on its way; whoever comes next hears of it.
        installing.catch(() => undefined)
      }
      // The install may fail on this part, and then nobody takes it: whichever comes first.
      await Promise.race([inlet.push(part), installing])
      if (!part.last) return undefined
      const installed = await installing
      installing = undefined
      inlet = undefined
      count('snapshots')
      if (installed.isRewound) count('rewound')
      onProgress(undefined)
      return installed
    },
    async end(reason) {
      inlet?.fail(reason)
      onProgress(undefined)
      // An install that has what it needs may still be finishing; its outcome is the shard's.
      await installing?.catch(() => undefined)
    },
  }
}
