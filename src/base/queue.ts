/** Bounded queue: first in, first out, refuses instead of growing past its limit. */

import { assert } from './assert.ts'

export type Queue<T> = {
  readonly size: number
  readonly sizeMax: number
  /** False, and nothing kept, when the queue is full. */
  push(item: T): boolean
  shift(): T | undefined
  clear(): void
}

export function createQueue<T>(sizeMax: number): Queue<T> {
  assert(sizeMax > 0, 'a queue has room for something')
  let items: T[] = []
  let start = 0
  const compact = (): void => {
    if (start < 64 || start * 2 < items.length) return
    items = items.slice(start)
    start = 0
  }
  return {
    get size() {
      return items.length - start
    },
    sizeMax,
    push(item) {
      if (items.length - start >= sizeMax) return false
      items.push(item)
      return true
    },
    shift() {
      if (start === items.length) return undefined
      const item = items[start] as T
      // Drop the reference, or a long-lived queue keeps what it handed out alive.
      items[start] = undefined as T
      start += 1
      compact()
      return item
    },
    clear() {
      items = []
      start = 0
    },
  }
}
