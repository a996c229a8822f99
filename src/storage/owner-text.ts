/** Owner text: what an owner says of itself where others can read it: `{"who":"…","since":ms}`.
 *  Never: believed further than to tell a user; anything may have written it. */

import type { Owner } from './failures.ts'

export function formatOwner({ who, sinceMs }: Owner): string {
  return JSON.stringify({ who, since: sinceMs })
}

/** Undefined for what is no owner's: whose it is, nobody of ours can say. */
export function parseOwner(text: string): Owner | undefined {
  try {
    const { who, since }: { who?: unknown; since?: unknown } = JSON.parse(text)
    return typeof who === 'string' && isTime(since) ? { who, sinceMs: since } : undefined
  } catch {
    return undefined
  }
}

/** A number of milliseconds that a date can be made of. */
export function isTime(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(new Date(value).getTime())
}
