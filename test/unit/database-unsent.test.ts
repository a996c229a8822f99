/** Without relays the log keeps what earlier ones have not acknowledged, until it is long. */

import { expect, it } from 'vitest'
import { letGoOfMany, UNSENT_BYTES_MAX } from '../../src/database/unsent.ts'
import type { Advance } from '../../src/shard/shard.ts'

function logOf(sizeBytes: number) {
  const listeners: ((advance: Advance) => void)[] = []
  const log = {
    sizeBytes,
    /** What was kept at each call. */
    kept: [] as (readonly string[])[],
    advance: () => {
      for (const listener of listeners) listener({} as Advance)
    },
  }
  letGoOfMany({
    get logUse() {
      return { sizeBytes: log.sizeBytes, capBytes: 4 * UNSENT_BYTES_MAX }
    },
    onAdvance(listener) {
      listeners.push(listener)
      return () => undefined
    },
    keepHolders: async (names) => void log.kept.push(names),
  })
  return log
}

it('keeps them while it is short, and lets go of them when a write makes it long', () => {
  const log = logOf(UNSENT_BYTES_MAX)
  log.advance()
  expect(log.kept).toEqual([])
  log.sizeBytes += 1
  log.advance()
  expect(log.kept).toEqual([[]])
})

it('lets go of them at once where it is long already', () => {
  expect(logOf(UNSENT_BYTES_MAX + 1).kept).toEqual([[]])
})
