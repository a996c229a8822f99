import { describe, expect, it } from 'vitest'
import { ConstelliteError } from '../../src/base/failure.ts'
import type { Request } from '../../src/database/bridge/protocol.ts'
import { serveCore } from '../../src/database/bridge/server.ts'
import type { Core, LiveListener } from '../../src/database/core.ts'
import type { Row } from '../../src/database/types.ts'
import { settle } from './database-fixtures.ts'

const broken = new ConstelliteError({ hint: 'Try it.', code: 'ErrSql', message: 'broken' })

/** The worker's side of one live query, which the test feeds, and a page that the test plays. */
async function createWatched() {
  const { port1: page, port2: worker } = new MessageChannel()
  let listener: LiveListener | undefined
  let isStopped = false
  // What serving a live query uses of a core.
  const core = {
    onStatus: () => () => undefined,
    ended: new Promise(() => undefined),
    close: async () => undefined,
    watch: (_query: unknown, given: LiveListener) => {
      listener = given
      return () => {
        isStopped = true
      }
    },
  } as unknown as Core
  serveCore(core, worker, { tag: new Uint8Array(8), callerBase: 0 })
  const sent: { type: string; change?: { rows: unknown } }[] = []
  page.onmessage = ({ data }) => sent.push(...data)
  const ask = async (request: Request): Promise<void> => {
    page.postMessage([request])
    await settle(4)
  }
  await ask({ id: 1, op: 'watch', query: { sql: 'SELECT', parameters: [] } })
  return {
    ask,
    tell: async (...numbers: number[]) => {
      const rows: Row[] = numbers.map((x) => ({ x }))
      listener?.onRows(rows)
      await settle(4)
    },
    fail: async (isFinal = false) => {
      listener?.onError(broken, isFinal)
      await settle(4)
    },
    /** What came since the last call. */
    taken: () => sent.splice(0).map((it) => it.change?.rows ?? it.type),
    isStopped: () => isStopped,
    close: () => page.close(),
  }
}

describe('a live query of a page', () => {
  it('that is slow is sent the newest rows once it has shown the ones before', async () => {
    const { ask, tell, taken, close } = await createWatched()
    await tell(1)
    await tell(2)
    await tell(3)
    expect(taken()).toEqual([[1, 'x', 1]])
    await ask(1)
    expect(taken()).toEqual([[1, 'x', 3]])
    await ask(1)
    expect(taken()).toEqual([])
    await tell(4)
    expect(taken()).toEqual([[1, 'x', 4]])
    close()
  })

  it('is sent nothing when the rows came back to what it shows', async () => {
    const { ask, tell, taken, close } = await createWatched()
    await tell(1)
    await tell(2)
    await tell(1)
    await ask(1)
    expect(taken()).toEqual([[1, 'x', 1]])
    await tell(2)
    expect(taken()).toEqual([[1, 'x', 2]])
    close()
  })

  it('is told an error at once, and after it its rows, also the same as before', async () => {
    const { ask, tell, fail, taken, close } = await createWatched()
    await tell(1)
    await tell(2)
    await fail()
    expect(taken()).toEqual([[1, 'x', 1], 'error'])
    await tell(1)
    expect(taken()).toEqual([])
    await ask(1)
    // No row travels, only that they are the ones of before.
    expect(taken()).toEqual([[]])
    close()
  })

  it('is stopped by the page, and forgotten when it is over', async () => {
    const first = await createWatched()
    await first.ask({ id: 1, op: 'unwatch' })
    expect(first.isStopped()).toBe(true)
    first.close()
    const second = await createWatched()
    await second.fail(true)
    await second.ask({ id: 1, op: 'unwatch' })
    expect(second.isStopped()).toBe(false)
    second.close()
  })
})
