/** Patience with an owner that has ended and is not gone yet: a terminated worker frees its handles and locks
 *  20 to 40 ms later (measured in Chromium), so they are asked for again for about 200 ms. */

import type { Host } from '../base/host.ts'
import { Retrier } from '../flow/retrier.ts'

const CONFLICT_RETRY_MS = 10
const CONFLICT_RETRIES_MAX = 20

/** Calls `attempt` until it answers something, or patience ends.  What it throws is thrown at once. */
export async function withPatience<T>(
  host: Host,
  attempt: () => Promise<T | undefined>,
): Promise<T | undefined> {
  let answer: T | undefined
  const held = new Error('Somebody has it.')
  const retrier = new Retrier({
    host,
    maxRetries: CONFLICT_RETRIES_MAX,
    baseDelayMs: CONFLICT_RETRY_MS,
    jitter: 'none',
    maxDelayMs: CONFLICT_RETRY_MS,
    isRetryable: (error) => error === held,
  })
  const trial = async (): Promise<void> => {
    answer = await attempt()
    if (answer === undefined) throw held
  }
  await retrier.run(trial).catch((error) => {
    if (error !== held) throw error
  })
  return answer
}
