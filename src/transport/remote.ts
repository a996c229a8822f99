/** Errors across a connection: a failure as an `error` envelope, and back.
 *  Never: trusts the far end's word beyond a code from this list; an unknown one is ErrProtocol. */

import { ConstelliteError, type FailureCode, type Retry } from '../base/failure.ts'
import type { Envelope } from './envelope.ts'

/** Codes that mean the same on both sides, and whether dialling again can help. */
const TRAVELLING: ReadonlyMap<string, { readonly code: FailureCode; readonly retry: Retry }> =
  new Map(
    (
      [
        ['ErrHandshake', 'later'],
        ['ErrProtocol', 'later'],
        ['ErrTooLarge', 'never'],
        ['ErrBackpressure', 'later'],
        ['ErrTimeout', 'later'],
        ['ErrClosed', 'later'],
        ['ErrDenied', 'after-repair'],
        ['ErrRelayFull', 'after-repair'],
        ['ErrUnavailable', 'later'],
        ['ErrDecode', 'never'],
        ['ErrChecksum', 'never'],
        ['ErrSignature', 'never'],
        ['ErrAuthor', 'never'],
        ['ErrForked', 'never'],
        ['ErrGap', 'later'],
        ['ErrDiverged', 'never'],
        ['ErrSuperseded', 'never'],
        ['ErrShardMismatch', 'never'],
        ['ErrStorage', 'later'],
        ['ErrInternal', 'later'],
      ] as const
    ).map(([code, retry]) => [code, { code, retry }]),
  )

const OWN_STORAGE: ReadonlySet<string> = new Set([
  'ErrStorage',
  'ErrCorrupt',
  'ErrPoisoned',
  'ErrQuota',
  'ErrInUse',
  'ErrWalFull',
])

export type ErrorEnvelope = Extract<Envelope, { type: 'error' }>

/** What is said across of a failure here.  What is about this side's own disk or code is said in general:
 *  its message may name paths. */
export function errorEnvelopeOf(failure: ConstelliteError): ErrorEnvelope {
  const { code, message } = failure
  if (OWN_STORAGE.has(code)) {
    return { type: 'error', code: 'ErrStorage', text: 'Its storage failed.' }
  }
  if (code === 'ErrInternal' || !TRAVELLING.has(code)) {
    return { type: 'error', code: 'ErrInternal', text: 'Something unforeseen happened there.' }
  }
  return { type: 'error', code, text: message }
}

/** What the far end said, as a failure of ours. */
export function failureOfError(envelope: ErrorEnvelope): ConstelliteError {
  const known = TRAVELLING.get(envelope.code)
  return new ConstelliteError({
    code: known?.code ?? 'ErrProtocol',
    message: `The far end refused: ${envelope.text || envelope.code}`,
    hint: HINTS[envelope.code] ?? (known?.retry === 'never' ? REFUSED : LATER),
    facts: { remoteCode: envelope.code, remote: true },
    retry: known?.retry ?? 'later',
  })
}

const REFUSED = 'Trying again does not help: what was sent, or who sent it, is refused.'
const LATER = 'It is tried again by itself; if it stays so, the log of the far end says more.'

const HINTS: Readonly<Record<string, string>> = {
  ErrDenied: 'Ask whoever runs the relay to allow this shard or key.',
  ErrRelayFull: 'Ask whoever runs the relay for more room, or publish through another one.',
}
