/** Shared memory: what the windows of this demo tell one another: how often the writer started over, and
 *  the address of the writer of the first window. */

const KEY = 'constellite demo'

export type Shared = {
  /** Part of the names of the databases: starting over means new names. */
  readonly generation: number
  readonly address: string | undefined
}

export function readShared(): Shared {
  const text = localStorage.getItem(KEY)
  if (text === null) return { generation: 1, address: undefined }
  const { generation, address } = JSON.parse(text)
  return {
    generation: typeof generation === 'number' ? generation : 1,
    address: typeof address === 'string' ? address : undefined,
  }
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
