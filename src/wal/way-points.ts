/** Way points: groups at which a reader stood, and where the chain stood before them, so that reading on
 *  need not begin at the run header.  Live readers go on where the last one ended, so a few are enough.
 *  Keeps: at most WAY_POINTS_MAX, the latest noted.  Never: outlives the groups that it names. */

import type { Seq } from '../base/ids.ts'
import type { ChainCursor } from '../frame/body.ts'

export type WayPoint = {
  readonly fileNumber: bigint
  readonly at: number
  /** `seq` is the one of the first frame in the group. */
  readonly cursor: ChainCursor
}

export type WayPoints = {
  /** Remembers a way point; the one that was noted longest ago goes when there are too many. */
  note(wayPoint: WayPoint): void
  /** The one nearest before `seq` in this file, behind `firstSeq`. */
  nearest(
    seq: Seq,
    within: { readonly fileNumber: bigint; readonly firstSeq: Seq },
  ): WayPoint | undefined
  /** Forgets everything in files before this one. */
  dropBefore(fileNumber: bigint): void
  clear(): void
}

export const WAY_POINTS_MAX = 64

export function createWayPoints(): WayPoints {
  const points = new Map<Seq, WayPoint>()
  return {
    note(wayPoint) {
      const { seq } = wayPoint.cursor
      points.delete(seq)
      points.set(seq, wayPoint)
      const [oldest] = points.keys()
      if (points.size > WAY_POINTS_MAX && oldest !== undefined) points.delete(oldest)
    },
    nearest(seq, { fileNumber, firstSeq }) {
      let nearest: WayPoint | undefined
      for (const point of points.values()) {
        const at = point.cursor.seq
        if (point.fileNumber !== fileNumber || at > seq || at <= firstSeq) continue
        if (nearest === undefined || at > nearest.cursor.seq) nearest = point
      }
      return nearest
    },
    dropBefore(fileNumber) {
      for (const [seq, point] of points) if (point.fileNumber < fileNumber) points.delete(seq)
    },
    clear: () => points.clear(),
  }
}
