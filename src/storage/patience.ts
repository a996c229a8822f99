/** Patience with an owner that has ended and is not gone yet. */

import { delay, type Host } from '../base/host.ts'

/** A terminated worker frees its handles and locks 20 to 40 ms later (measured in Chromium). */
export const CONFLICT_PATIENCE_MS = 200
const CONFLICT_RETRY_MS = 10

/** Calls `attempt` until it answers something, or patience ends. */
export async function withPatience<T>(
  host: Host,
  attempt: () => Promise<T | undefined>,
): Promise<T | undefined> {
  const deadlineMs = host.monotonicNow() + CONFLICT_PATIENCE_MS
  for (;;) {
    const answer = await attempt()
    if (answer !== undefined || host.monotonicNow() >= deadlineMs) return answer
    await delay(host, CONFLICT_RETRY_MS)
  }
}
