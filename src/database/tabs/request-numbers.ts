/** Request numbers: name the writes of one tab, in the order in which they are made.
 *  Keeps: rising; the seconds of the clock are in front, so that an old one shows its age to whoever has kept
 *  only the newest (wal/layout.ts).  A clock that goes back does not take them back. */

import type { Host } from '../../base/host.ts'
import type { RequestNumber } from '../bridge/protocol.ts'

/** 2^20: what a tab may begin in a second before it borrows from the next. */
const PER_SECOND = 2 ** 20

export function createRequestNumbers(host: Pick<Host, 'now'>): () => RequestNumber {
  let last = 0
  return () => {
    last = Math.max(last + 1, Math.floor(host.now() / 1000) * PER_SECOND)
    return last
  }
}
