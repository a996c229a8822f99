/** Held: what the messages of all connections of a relay may take together, because what each may take times
 *  their number is more than there is. */

import { ConstelliteError } from '../base/failure.ts'
import type { ConnectedPeer } from '../transport/peer.ts'

/** Ends the connections that hold most, until the rest fits. */
export function endLargest(peers: Iterable<ConnectedPeer>, heldBytesMax: number): void {
  const holding = [...peers].map((peer) => ({ peer, heldBytes: peer.heldBytes }))
  let total = holding.reduce((sum, { heldBytes }) => sum + heldBytes, 0)
  if (total <= heldBytesMax) return
  holding.sort((left, right) => right.heldBytes - left.heldBytes)
  for (const { peer, heldBytes } of holding) {
    if (total <= heldBytesMax) return
    total -= heldBytes
    peer.close(heldFailure(heldBytes, heldBytesMax))
  }
}

function heldFailure(heldBytes: number, heldBytesMax: number): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrBackpressure',
    message: 'The messages of all connections take more memory than the relay has for them.',
    hint: 'It is dialled again by itself.',
    facts: { heldBytes, heldBytesMax },
    retry: 'later',
  })
}
