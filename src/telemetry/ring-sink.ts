/** Ring sink: the newest lines in memory, for a page or a test that shows them.
 *  Keeps: at most `linesMax`, oldest first. */

import { wholeSetting } from '../flow/settings.ts'
import type { LogLine, LogSink } from './log-line.ts'

export const RING_LINES_MAX = 1000

export type RingSink = LogSink & {
  /** Oldest first. */
  lines(): readonly LogLine[]
  /** Lines that made room for newer ones. */
  readonly dropped: number
}

export function createRingSink(linesMax: number = RING_LINES_MAX): RingSink {
  wholeSetting({ name: 'linesMax', value: linesMax, min: 1 })
  const ring: LogLine[] = []
  let written = 0
  return {
    write(line) {
      ring[written % linesMax] = line
      written += 1
    },
    lines() {
      const at = written % linesMax
      return written <= linesMax ? ring.slice() : [...ring.slice(at), ...ring.slice(0, at)]
    },
    get dropped() {
      return Math.max(0, written - linesMax)
    },
  }
}
