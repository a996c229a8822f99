/** Page log: what the databases of this page did, by the package's own logger; its newest lines stay in a
 *  ring, which the foot of the page shows.  Keeps: a burst of frames is one line. */

import { createBrowserHost } from '../../src/platform/host-browser.ts'
import { Logger } from '../../src/telemetry/logger.ts'
import { createRingSink } from '../../src/telemetry/ring-sink.ts'
import type { ServiceLog } from '../../src/telemetry/service-log.ts'
import { element, part, throttled } from './dom.ts'

/** Enough to see how it came here; the rest is gone. */
const LINES_KEPT_MAX = 100
const SERVICES = ['writer', 'follower'] as const

export type PageLog = { log(service: (typeof SERVICES)[number]): ServiceLog }

export function mountPageLog(root: ParentNode): PageLog {
  const list = part(root, 'log-list', HTMLOListElement)
  // Without a mouse it is scrolled with the arrow keys, once it has the focus.
  part(root, 'log', HTMLElement).tabIndex = 0
  const ring = createRingSink(LINES_KEPT_MAX)
  const show = throttled(() => {
    const lines = ring.lines().map(({ timeMs, text }) => {
      return element('li', {}, `${new Date(timeMs).toLocaleTimeString()} ${text}`)
    })
    list.replaceChildren(...lines.reverse())
  })
  const logger = new Logger({ host: createBrowserHost(), sinks: [ring, { write: show }] })
  for (const service of SERVICES) {
    logger.setFormatter(service, 'frames', {
      emoji: service === 'writer' ? '✍️' : '🔎',
      format: ({ count, message }) => `${count} ${count === 1 ? 'frame' : 'frames'}, ${message}`,
    })
  }
  return logger
}
