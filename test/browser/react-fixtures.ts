/** What the tests of React share: a database whose live queries are told by hand, and a mounted tree. */

import { createElement, type ReactNode, StrictMode } from 'react'
import { createRoot, type Root } from 'react-dom/client'
import { onTestFinished } from 'vitest'
import type { ConstelliteError } from '../../src/base/failure.ts'
import { STATUS_IDLE } from '../../src/database/status-idle.ts'
import type { Database, Row, Status } from '../../src/database/types.ts'

export type Asked = {
  readonly text: string
  readonly parameters: unknown
  isRunning: boolean
  rows(rows: Row[]): void
  error(failure: ConstelliteError): void
}

export type ToldDatabase = {
  readonly database: Database
  /** Every subscription that was ever begun, in order. */
  readonly asked: readonly Asked[]
  readonly running: readonly Asked[]
  status(change: Partial<Status>): void
  readonly statusListeners: ReadonlySet<unknown>
  /** Thrown by the next `watch`. */
  refuseNext: ConstelliteError | undefined
}

export function createToldDatabase(): ToldDatabase {
  const asked: Asked[] = []
  const statusListeners = new Set<() => void>()
  let status: Status = STATUS_IDLE
  const watch = (text: string, parameters: unknown) => {
    const refusal = told.refuseNext
    told.refuseNext = undefined
    if (refusal !== undefined) throw refusal
    return {
      subscribe: (onRows: Asked['rows'], onError: Asked['error']) => {
        const one: Asked = { text, parameters, isRunning: true, rows: onRows, error: onError }
        asked.push(one)
        return () => {
          one.isRunning = false
        }
      },
    }
  }
  const onStatus = (listener: () => void) => {
    statusListeners.add(listener)
    return () => statusListeners.delete(listener)
  }
  const told: ToldDatabase = {
    // What the hooks use of a database.
    database: {
      watch,
      onStatus,
      get status() {
        return status
      },
    } as unknown as Database,
    asked,
    get running() {
      return asked.filter((it) => it.isRunning)
    },
    status: (change) => {
      status = { ...status, ...change }
      for (const listener of statusListeners) listener()
    },
    statusListeners,
    refuseNext: undefined,
  }
  return told
}

export type Mounted = {
  readonly root: Root
  readonly element: HTMLElement
  /** Renders under StrictMode and waits until React has nothing to do. */
  show(node: ReactNode): Promise<void>
}

export function mount(): Mounted {
  const element = document.body.appendChild(document.createElement('div'))
  const root = createRoot(element, { onCaughtError: () => undefined })
  onTestFinished(() => {
    root.unmount()
    element.remove()
  })
  const show = async (node: ReactNode): Promise<void> => {
    root.render(createElement(StrictMode, null, node))
    await rest()
  }
  return { root, element, show }
}

/** React's work, effects and microtasks are through: two frames, each with a task after it. */
export async function rest(): Promise<void> {
  for (let frame = 0; frame < 2; frame++) {
    await new Promise((resolve) => requestAnimationFrame(resolve))
    await new Promise<void>((resolve) => {
      const { port1, port2 } = new MessageChannel()
      port1.onmessage = () => resolve()
      port2.postMessage(undefined)
    })
  }
}
