/** A failure says what to do: the type asks for a hint, and what a far end refuses has one too. */

import { expect, it } from 'vitest'
import { ConstelliteError } from '../../src/base/failure.ts'
import { failureOfError } from '../../src/transport/remote.ts'

it('a failure without a hint does not compile', () => {
  // @ts-expect-error What to do about it is left out.
  const failure = new ConstelliteError({ code: 'ErrClosed', message: 'The relay is closed.' })
  expect(failure.code).toBe('ErrClosed')
})

it.each([
  ['ErrDenied', 'Ask whoever runs the relay'],
  ['ErrSignature', 'does not help'],
  ['ErrUnavailable', 'by itself'],
  ['ErrOfTomorrow', 'by itself'],
])('%s from a far end says what to do', (code, hint) => {
  expect(failureOfError({ type: 'error', code, text: 'No.' }).hint).toContain(hint)
})
