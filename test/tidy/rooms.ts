/** Reads the room table of src/README.md: the order in which rooms may import, and what of the platform
 *  each may touch, file by file.
 *  A cell of the last column is `–` (nothing), `everything`, or `file.ts`: `name`, `name`; … where a
 *  name is a global, a package, or a Node module (`node:fs`). */

export type Room = {
  readonly name: string
  /** Position in the table; a room imports only lower ones. */
  readonly order: number
  /** What each file may touch; 'everything' for the rooms made for one platform. */
  readonly mayTouch: 'everything' | ReadonlyMap<string, ReadonlySet<string>>
}

export function parseRooms(markdown: string): Room[] {
  const rooms: Room[] = []
  for (const line of markdown.split('\n')) {
    const cells = line.split('|').map((cell) => cell.trim())
    const name = /^`([a-z]+)`$/.exec(cells[2] ?? '')?.[1]
    if (cells.length !== 6 || name === undefined) continue
    rooms.push({ name, order: rooms.length, mayTouch: parseTouch(cells[4] ?? '', name) })
  }
  return rooms
}

function parseTouch(cell: string, room: string): Room['mayTouch'] {
  if (cell === 'everything') return 'everything'
  const files = new Map<string, Set<string>>()
  if (cell === '–') return files
  for (const entry of cell.split(';')) {
    const match = /^\s*`([^`]+)`: (.+)$/.exec(entry)
    if (match?.[1] === undefined || match[2] === undefined) {
      throw new Error(`src/README.md, room ${room}: cannot read "${entry.trim()}"`)
    }
    files.set(match[1], new Set([...match[2].matchAll(/`([^`]+)`/g)].map((it) => it[1] ?? '')))
  }
  return files
}
