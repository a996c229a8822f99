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

type Table = { readonly name: string; readonly type: string }

/** Rows of this are what `describeUse` asks for. */
export const TABLE_LIST_SQL =
  "SELECT name, type FROM pragma_table_list WHERE schema = 'main' ORDER BY name"

export function describeUse(
  use: TableUse,
  isReadOnly: boolean,
  tableList: readonly Row[],
): Description {
  const tables = new Map<string, Table>()
  for (const row of tableList) {
    const table = { name: String(row['name']), type: String(row['type']) }
    tables.set(table.name.toLowerCase(), table)
  }
  // SQLite lists its schema table under the newer of its names.
  tables.set('sqlite_master', { name: 'sqlite_master', type: 'table' })
  const resolve = (names: ReadonlySet<string>): readonly string[] => {
    const resolved = new Set<string>()
    for (const name of names) {
      const table = tables.get(name.toLowerCase())
      if (table?.type === 'shadow') resolved.add(ownerOf(table.name, tables))
      else if (table?.type === 'table' || table?.type === 'virtual') resolved.add(table.name)
    }
    return [...resolved].sort()
  }
  return { reads: resolve(use.reads), writes: resolve(use.writes), isReadOnly }
}

/** `search_content` belongs to `search`; with `a` and `a_b` virtual, `a_b_data` belongs to `a_b`. */
function ownerOf(shadow: string, tables: ReadonlyMap<string, Table>): string {
  let owner = ''
  for (const { name, type } of tables.values()) {
    const isOwner = type === 'virtual' && shadow.startsWith(`${name}_`)
    if (isOwner && name.length > owner.length) owner = name
  }
  return owner === '' ? shadow : owner
}
