/** Describe: the tables that a statement reads and writes, as users know them.
 *  Keeps: views and SQLite's own table functions are left out, what lies behind a view is in; a shadow
 *  table of FTS5 or R-Tree counts as the virtual table that owns it. */

import type { TableUse } from './authorizer.ts'
import type { Row } from './values.ts'

export type Description = {
  readonly reads: readonly string[]
  readonly writes: readonly string[]
  readonly isReadOnly: boolean
}

/** Rows of this are what `describeUse` asks for. */
export const TABLE_LIST_SQL =
  "SELECT name, type FROM pragma_table_list WHERE schema = 'main' ORDER BY name"

export function describeUse(
  use: TableUse,
  isReadOnly: boolean,
  tableList: readonly Row[],
): Description {
  const types = new Map(tableList.map((row) => [String(row['name']), String(row['type'])]))
  // SQLite lists its schema table under the newer of its names.
  types.set('sqlite_master', 'table')
  const virtuals = [...types].filter(([, type]) => type === 'virtual').map(([name]) => name)
  const resolve = (names: ReadonlySet<string>): readonly string[] => {
    const resolved = new Set<string>()
    for (const name of names) {
      const type = types.get(name)
      if (type === 'shadow') resolved.add(ownerOf(name, virtuals))
      else if (type === 'table' || type === 'virtual') resolved.add(name)
    }
    return [...resolved].sort()
  }
  return { reads: resolve(use.reads), writes: resolve(use.writes), isReadOnly }
}

/** `search_content` belongs to `search`; with `a` and `a_b` virtual, `a_b_data` belongs to `a_b`. */
function ownerOf(shadow: string, virtuals: readonly string[]): string {
  let owner = ''
  for (const name of virtuals) {
    if (shadow.startsWith(`${name}_`) && name.length > owner.length) owner = name
  }
  return owner === '' ? shadow : owner
}
