/** The hooks under real React and its StrictMode, with live queries told by hand. */

import {
  Component,
  createElement,
  type ReactNode,
  Suspense,
  startTransition,
  useState,
} from 'react'
import { describe, expect, it } from 'vitest'
import { ConstelliteError } from '../../src/base/failure.ts'
import type { QueryState } from '../../src/bindings/live-store.ts'
import type { Database, Row } from '../../src/database/types.ts'
import { useQuery, useStatus, useSuspenseQuery } from '../../src/entry/react.ts'
import { createToldDatabase, mount, rest } from './react-fixtures.ts'

/** React itself takes most of a second; a busy machine takes longer. */
const PATIENCE_MS = 10_000

const failure = new ConstelliteError({
  code: 'ErrSql',
  message: 'No such table.',
  hint: 'Make it.',
})

type Shown = {
  readonly database: Database
  readonly id?: number
  readonly seen?: QueryState<Row>[]
}

function Notes({ database, id = 1, seen = [] }: Shown): ReactNode {
  const state = useQuery(database, 'SELECT body FROM note WHERE id = ?', [id])
  seen.push(state)
  if (state.error !== undefined) return `error: ${state.error.message}`
  return state.isLoading ? 'loading' : state.rows.map((row) => row['body']).join()
}

function Waiting({ database, id = 1 }: Shown): ReactNode {
  const rows = useSuspenseQuery(database, 'SELECT body FROM note WHERE id = ?', [id])
  return rows.map((row) => row['body']).join()
}

const suspended = (child: ReactNode): ReactNode =>
  createElement(Suspense, { fallback: 'waiting' }, child)

describe('useQuery', () => {
  it('subscribes once under a double mount, and not at all when it is gone', async () => {
    const told = createToldDatabase()
    const { element, show } = mount()
    await show(createElement(Notes, told))
    expect(element.textContent).toBe('loading')
    expect(told.asked).toHaveLength(1)
    expect(told.asked[0]).toMatchObject({ isRunning: true, parameters: [1] })
    told.asked[0]?.rows([{ body: 'first' }])
    await rest()
    expect(element.textContent).toBe('first')
    await show(null)
    expect(told.running).toEqual([])
  })

  it('keeps its subscription and its array over renders that ask the same', async () => {
    const told = createToldDatabase()
    const { show } = mount()
    const seen: QueryState<Row>[] = []
    await show(createElement(Notes, { ...told, seen }))
    told.asked[0]?.rows([{ body: 'first' }])
    await rest()
    const before = seen.at(-1)
    const renders = seen.length
    await show(createElement(Notes, { ...told, seen }))
    expect(seen.length).toBeGreaterThan(renders)
    expect(seen.at(-1)).toBe(before)
    expect(told.asked).toHaveLength(1)
  })

  it('begins anew where its parameters change, and stops what it had', async () => {
    const told = createToldDatabase()
    const { element, show } = mount()
    await show(createElement(Notes, told))
    told.asked[0]?.rows([{ body: 'first' }])
    await rest()
    await show(createElement(Notes, { ...told, id: 2 }))
    expect(element.textContent).toBe('loading')
    expect(told.running.map((it) => it.parameters)).toEqual([[2]])
  })

  it('runs once for all components that ask the same', async () => {
    const told = createToldDatabase()
    const { element, show } = mount()
    const one = createElement(Notes, { ...told, key: 1 })
    const other = createElement(Notes, { ...told, key: 2 })
    await show(one)
    await show([one, other])
    expect(told.running).toHaveLength(1)
    told.running[0]?.rows([{ body: 'both' }])
    await rest()
    expect(element.textContent).toBe('bothboth')
    await show(other)
    expect(told.running).toHaveLength(1)
    expect(element.textContent).toBe('both')
  })

  it('has an error as state, and rows again when there are some', async () => {
    const told = createToldDatabase()
    const { element, show } = mount()
    await show(createElement(Notes, told))
    told.asked[0]?.error(failure)
    await rest()
    expect(element.textContent).toBe('error: No such table.')
    told.asked[0]?.rows([{ body: 'made' }])
    await rest()
    expect(element.textContent).toBe('made')
  })

  it('has as state also what is thrown at the call', async () => {
    const told = createToldDatabase()
    told.refuseNext = failure
    const { element, show } = mount()
    await show(createElement(Notes, told))
    expect(element.textContent).toBe('error: No such table.')
  })

  it('takes a live query, and keeps it while its key is the same', async () => {
    const told = createToldDatabase()
    const { element, show } = mount()
    const Live = ({ id }: { readonly id: number }): ReactNode => {
      const watch = () => told.database.watch('SELECT 1')
      const { rows } = useQuery({ database: told.database, key: `${id}`, watch })
      return rows === undefined ? 'loading' : `${rows.length}`
    }
    await show(createElement(Live, { id: 1 }))
    await show(createElement(Live, { id: 1 }))
    told.asked[0]?.rows([{}, {}])
    await rest()
    expect(element.textContent).toBe('2')
    expect(told.asked).toHaveLength(1)
    await show(createElement(Live, { id: 2 }))
    expect(told.asked.map((it) => it.isRunning)).toEqual([false, true])
  })

  it('subscribes to nothing in a render that is thrown away', async () => {
    const told = createToldDatabase()
    const { element, show } = mount()
    const never = new Promise<never>(() => undefined)
    const Suspends = (): ReactNode => {
      throw never
    }
    await show(
      suspended([createElement(Notes, { ...told, key: 1 }), createElement(Suspends, { key: 2 })]),
    )
    expect(element.textContent).toBe('waiting')
    expect(told.asked).toEqual([])
  })
})

describe('useSuspenseQuery', () => {
  it('suspends until there are rows, with one subscription all along', async () => {
    const told = createToldDatabase()
    const { element, show } = mount()
    await show(suspended(createElement(Waiting, told)))
    expect(element.textContent).toBe('waiting')
    expect(told.asked).toHaveLength(1)
    told.asked[0]?.rows([{ body: 'first' }])
    await text(element, 'first')
    told.asked[0]?.rows([{ body: 'second' }])
    await text(element, 'second')
    expect(told.asked).toHaveLength(1)
    await show(null)
    expect(told.running).toEqual([])
  })

  it('shows the old rows while a transition waits for the new', async () => {
    const told = createToldDatabase()
    const { element, show } = mount()
    let choose: (id: number) => void = () => undefined
    const Choice = (): ReactNode => {
      const [id, setId] = useState(1)
      choose = setId
      return createElement(Waiting, { ...told, id })
    }
    await show(suspended(createElement(Choice)))
    told.asked[0]?.rows([{ body: 'first' }])
    await text(element, 'first')
    startTransition(() => choose(2))
    await rest()
    expect(element.textContent).toBe('first')
    expect(told.running.map((it) => it.parameters)).toEqual([[1], [2]])
    told.asked[1]?.rows([{ body: 'second' }])
    await text(element, 'second')
    expect(told.running.map((it) => it.parameters)).toEqual([[2]])
  })

  it('throws an error to the boundary, and asks anew when that tries again', async () => {
    const told = createToldDatabase()
    const { element, show } = mount()
    await show(createElement(Boundary, { key: 1 }, suspended(createElement(Waiting, told))))
    told.asked[0]?.error(failure)
    await text(element, 'caught: No such table.')
    expect(told.running).toEqual([])
    await show(createElement(Boundary, { key: 2 }, suspended(createElement(Waiting, told))))
    expect(element.textContent).toBe('waiting')
    expect(told.running).toHaveLength(1)
    told.running[0]?.rows([{ body: 'made' }])
    await text(element, 'made')
  })
})

describe('useStatus', () => {
  it('shows the status and its changes', async () => {
    const told = createToldDatabase()
    const { element, show } = mount()
    const State = (): ReactNode => useStatus(told.database).state
    await show(createElement(State))
    expect(element.textContent).toBe('idle')
    told.status({ state: 'open' })
    await rest()
    expect(element.textContent).toBe('open')
    expect(told.statusListeners.size).toBe(1)
    await show(null)
    expect(told.statusListeners.size).toBe(0)
  })
})

/** React shows what a boundary waited for only some time after its fallback. */
function text(element: HTMLElement, expected: string): Promise<void> {
  return expect.poll(() => element.textContent, { timeout: PATIENCE_MS }).toBe(expected)
}

/** Catches what its children throw. */
class Boundary extends Component<{ children?: ReactNode }, { caught?: string }> {
  override state: { caught?: string } = {}
  static getDerivedStateFromError(error: Error): { caught: string } {
    return { caught: error.message }
  }
  override render(): ReactNode {
    return this.state.caught === undefined ? this.props.children : `caught: ${this.state.caught}`
  }
}
