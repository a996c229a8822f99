/** The local replicator: what is durable here is final.  Accepts at once, by the same path as the others:
 *  subscribers are called for every run, in order, each once.
 *  Never: asks for what is before a run: an image that was installed has no frames to propose. */

import { ConstelliteError } from '../base/failure.ts'
import { type Seq, toSeq } from '../base/ids.ts'
import type { SealedRun } from '../frame/run.ts'
import type { Replicator } from './replicator.ts'

export function createLocalReplicator(): Replicator {
  const handlers = new Set<(run: SealedRun) => void>()
  let proposed = 0
  let newest: Seq = toSeq(0)
  let isClosed = false
  return {
    async propose(run) {
      if (isClosed) throw closed()
      proposed += 1
      const { seq, checksum } = run.seal
      if (seq > newest) {
        newest = seq
        for (const handler of handlers) handler(run)
      }
      return { type: 'accept', position: { seq, checksum } }
    },
    subscribe(handler) {
      handlers.add(handler)
      return () => {
        handlers.delete(handler)
      }
    },
    stats: () => ({ proposed, accepted: proposed, rejected: 0 }),
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
