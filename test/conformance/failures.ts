/** What a call failed with, as a word, so that a test's expectation reads as one line. */

import { isFailure } from 'constellite'

export async function failureOf(call: Promise<unknown> | PromiseLike<unknown>): Promise<string> {
  try {
    await call
    return 'no failure'
  } catch (error) {
    return isFailure(error) ? error.code : `not a Constellite failure: ${error}`
  }
}
