/** Shared memory: what the windows of this demo tell one another: how often they started over. */

const KEY = 'constellite demo'

export type Shared = {
  /** Part of the names of the databases: starting over means new names. */
  readonly generation: number
}

export function readShared(): Shared {
  const text = localStorage.getItem(KEY)
  if (text === null) return { generation: 1 }
  const { generation } = JSON.parse(text)
  return { generation: typeof generation === 'number' ? generation : 1 }
}

export function writeShared(shared: Shared): void {
  localStorage.setItem(KEY, JSON.stringify(shared))
}

/** Calls `listener` when another window wrote. */
export function onShared(listener: (shared: Shared) => void): void {
  addEventListener('storage', (event) => {
    if (event.key === KEY) listener(readShared())
  })
}
