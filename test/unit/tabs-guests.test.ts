/** What an owner keeps of the tabs that come and go: guests of a core that counts what is asked of it. */

import { describe, expect, it } from 'vitest'
import type { ConstelliteError } from '../../src/base/failure.ts'
import type { Port } from '../../src/database/bridge/port.ts'
import { NO_REQUEST, PROTOCOL } from '../../src/database/bridge/protocol.ts'
import type { Core } from '../../src/database/core.ts'
import { createEnding } from '../../src/database/ending.ts'
import { STATUS_IDLE } from '../../src/database/status-idle.ts'
import { ownerGone } from '../../src/database/tabs/failures.ts'
import { hostGuests } from '../../src/database/tabs/guests.ts'
import type { LobbyMessage } from '../../src/database/tabs/lobby.ts'

const WISHES = {
  migrations: ['CREATE TABLE t (x)'],
  sync: undefined,
  identity: undefined,
  recovery: undefined,
  durable: false,
}
const LONGER = [...WISHES.migrations, 'CREATE TABLE u (x)']

type SentPort = Port & { readonly sent: unknown[] }

/** Ports by name; the test is whoever is at their other ends. */
function createChannels() {
  const ports = new Map<string, SentPort>()
  const portOf = (name: string): SentPort => {
    const port = ports.get(name)
    if (port === undefined) throw new Error(`Nobody is at ${name}.`)
    return port
  }
  return {
    channel: (name: string): Port => {
      const sent: unknown[] = []
      const postMessage = (message: unknown): void => void sent.push(message)
      const port = {
        sent,
        postMessage,
        onmessage: null,
        addEventListener: () => undefined,
        close: () => undefined,
      }
      ports.set(name, port)
      return port
    },
    whenFree: () => new Promise<void>(() => undefined),
    sentTo: (name: string): readonly unknown[] => portOf(name).sent.flat(),
    say: async (name: string, data: unknown): Promise<void> => {
      portOf(name).onmessage?.(new MessageEvent('message', { data }))
      // Longer than any of the chains of promises that follow.
      await new Promise((resolve) => setImmediate(resolve))
    },
  }
}

function createHost() {
  const { ended, tell } = createEnding()
  const listeners: unknown[] = []
  const migrated: unknown[] = []
  // What hosting uses of a core.
  const core = {
    ready: { address: 'notes' },
    status: STATUS_IDLE,
    onStatus: () => () => undefined,
    ended: {
      // As a promise, which keeps everybody who listens.
      // biome-ignore lint/suspicious/noThenProperty: it stands for one.
      then: (listener: (reason: ConstelliteError) => void) => {
        listeners.push(listener)
        return ended.then(listener)
      },
    },
    migrate: async (migrations: readonly string[]) => void migrated.push(migrations),
    close: async () => undefined,
  } as unknown as Core
  const channels = createChannels()
  hostGuests(core, { channels, name: 'notes', term: 'term', wishes: WISHES })
  const join = (pipe: string, { tag = 1, visit = 1, migrations = WISHES.migrations } = {}) => {
    const wishes = { ...WISHES, migrations }
    const message: LobbyMessage = {
      type: 'join',
      pipe,
      tag: new Uint8Array(8).fill(tag),
      visit,
      wishes,
    }
    return channels.say('constellite:notes', { protocol: PROTOCOL, message })
  }
  return { ...channels, join, listeners, migrated, end: tell }
}

describe('guests', () => {
  it('leave no listener behind, however often a tab comes, and each hears of the end', async () => {
    const { join, listeners, sentTo, end } = createHost()
    for (let visit = 1; visit <= 5; visit++) await join(`pipe ${visit}`, { visit })
    await join('other', { tag: 2 })
    expect(listeners).toHaveLength(1)
    end(ownerGone())
    await new Promise((resolve) => setImmediate(resolve))
    const told = expect.objectContaining({ type: 'ended' })
    expect(sentTo('pipe 5')).toEqual([told])
    expect(sentTo('other')).toEqual([told])
    expect(sentTo('pipe 4')).toEqual([])
  })

  it('that come after the end hear of it', async () => {
    const { join, sentTo, end } = createHost()
    end(ownerGone())
    await join('late')
    expect(sentTo('late')).toEqual([expect.objectContaining({ type: 'ended' })])
  })

  it('are not given again what another of them has migrated', async () => {
    const { join, say, sentTo, migrated } = createHost()
    await join('first')
    const id = NO_REQUEST + 1
    await say('first', [{ op: 'migrate', id, migrations: LONGER }])
    expect(sentTo('first')).toEqual([[id, undefined]])
    await join('second', { tag: 2, migrations: LONGER })
    expect(migrated).toEqual([LONGER])
  })
})
