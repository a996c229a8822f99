/** The local replicator: what is durable here is final.  Accepts at once, by the same path as the others:
 *  subscribers are called for every proposed run, in order. */

import { ConstelliteError } from '../base/failure.ts'
import type { Seq } from '../base/ids.ts'
import type { SealedRun } from '../frame/run.ts'
import type { Replicator } from './replicator.ts'

export function createLocalReplicator(): Replicator {
  const handlers = new Set<(run: SealedRun) => void>()
  const stats = { proposed: 0, accepted: 0, rejected: 0 }
  let newest: Seq = 0n as Seq
  let isClosed = false
  return {
    async propose(run) {
      if (isClosed) throw closed()
      stats.proposed += 1
      if (run.firstSeq > newest + 1n && newest !== 0n) {
        stats.rejected += 1
        return { type: 'reject', reason: `frame ${newest + 1n} was not proposed` }
      }
      stats.accepted += 1
      if (run.seal.seq > newest) {
        newest = run.seal.seq
        for (const handler of handlers) handler(run)
      }
      return {
        type: 'accept',
        position: { seq: run.seal.seq, checksum: run.seal.checksum },
      }
    },
    subscribe(handler) {
      handlers.add(handler)
      return () => {
        handlers.delete(handler)
      }
    },
    stats: () => ({ ...stats }),
    async close() {
      isClosed = true
      handlers.clear()
    },
  }
}

function closed(): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrClosed',
    message: 'The replicator is closed.',
    hint: 'Open the database again.',
  })
}
