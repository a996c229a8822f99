/** Pages: what a relay answers to plain HTTP, on every platform.  Pure.
 *  Never: says more than its own numbers: no shard, no client. */

import { failureOf } from '../base/failure.ts'
import { formatHex } from '../bytes/text.ts'
import { METRICS_CONTENT_TYPE } from '../telemetry/metrics.ts'
import { parseAllow } from './allow.ts'
import type { Relay } from './relay.ts'

export type Page = {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly text: string
}

export type PageRequest = { readonly method: string; readonly path: string }

/** `more` is what the platform adds to the page of health. */
export function pageOf(
  relay: Pick<Relay, 'publicKey' | 'status' | 'counters' | 'metrics'>,
  { method, path }: PageRequest,
  more: Readonly<Record<string, unknown>> = {},
): Page {
  const isRead = method === 'GET' || method === 'HEAD'
  if (!isRead) return textPage(405, 'Only GET and WebSocket here.\n')
  if (path === '/health') {
    const health = { ok: true, ...relay.status, counters: relay.counters, ...more }
    return textPage(200, `${JSON.stringify(health)}\n`, 'application/json; charset=utf-8')
  }
  if (path === '/metrics') return textPage(200, relay.metrics.text(), METRICS_CONTENT_TYPE)
  if (path === '/') return textPage(200, greetingOf(relay.publicKey))
  return textPage(404, 'Nothing here; connect by WebSocket.\n')
}

/** Why no relay here serves anybody, by upgrade neither; undefined when one may. */
export function refusalOf(allow: string | undefined): Page | undefined {
  if (allow !== undefined && allow.trim() !== '') return unreadableOf(allow)
  return textPage(
    500,
    'This relay is reachable by others, and nothing says whom it serves.\n' +
      'Set the variable ALLOW to the shard ids or keys of authors that it takes, or to * for everybody.\n',
  )
}

function unreadableOf(allow: string): Page | undefined {
  try {
    parseAllow(allow)
    return undefined
  } catch (error) {
    const { message, hint } = failureOf(error)
    return textPage(500, `The variable ALLOW cannot be read. ${message}\n${hint}\n`)
  }
}

export function textPage(status: number, text: string, type = 'text/plain; charset=utf-8'): Page {
  return { status, text, headers: { 'content-type': type, 'x-content-type-options': 'nosniff' } }
}

function greetingOf(publicKey: Uint8Array): string {
  return [
    'A Constellite relay: it stores signed histories and serves them.',
    'Connect by WebSocket at this address.',
    `Its key: ${formatHex(publicKey)}`,
    '',
  ].join('\n')
}
