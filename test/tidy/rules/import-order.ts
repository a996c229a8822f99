/** A room imports only itself and rooms before it in the table of src/README.md; `src/entry` and
 *  `src/testing` stand above all rooms, and nothing in a room imports them. */

import { type Problem, type Repository, type Rule, roomOf } from '../source.ts'

const ABOVE_ALL = new Set(['entry', 'testing'])

export const importOrder: Rule = {
  name: 'import-order',
  check(repository) {
    const problems: Problem[] = []
    const orders = new Map(repository.rooms.map((room) => [room.name, room.order]))
    for (const source of repository.sources.values()) {
      const room = roomOf(source.path)
      if (room === undefined || ABOVE_ALL.has(room)) continue
      const order = orders.get(room)
      if (order === undefined) {
        const message = `room "${room}" is not in the table of src/README.md`
        problems.push({ path: source.path, line: 1, message })
        continue
      }
      for (const { target, line } of source.imports) {
        const problem = target === undefined ? undefined : judge(target, { room, order, orders })
        if (problem !== undefined) problems.push({ path: source.path, line, message: problem })
      }
    }
    return [...problems, ...missingRooms(repository)]
  },
}

function judge(
  target: string,
  from: { room: string; order: number; orders: ReadonlyMap<string, number> },
): string | undefined {
  const other = roomOf(target)
  if (other === undefined) return `a room imports only rooms, not ${target}`
  if (ABOVE_ALL.has(other)) return `a room never imports src/${other}: move what it needs lower`
  const order = from.orders.get(other)
  if (order === undefined || other === from.room || order < from.order) return undefined
  return `${from.room} may not import ${other}, which comes after it in src/README.md`
}

/** A row of the table without a room is as wrong as a room without a row. */
function missingRooms(repository: Repository): Problem[] {
  const existing = new Set([...repository.sources.keys()].map(roomOf))
  return repository.rooms
    .filter((room) => !existing.has(room.name))
    .map(({ name }) => ({ path: 'src/README.md', line: 1, message: `room "${name}" has no file` }))
}
