/** Describe: the tables that a statement reads and writes, as users know them.
 *  Keeps: views and SQLite's own table functions are left out, what lies behind a view is in; a shadow
 *  table of FTS5 or R-Tree counts as the virtual table that owns it; what shows other tables than SQLite
 *  asks about is never taken for a list of tables. */

import type { TableUse } from './authorizer.ts'
import type { Row } from './values.ts'

export type Description = {
  /** Undefined: what it reads may change with any table. */
  readonly reads: readonly string[] | undefined
  readonly writes: readonly string[]
  readonly isReadOnly: boolean
}

type Table = { readonly name: string; readonly type: string; readonly isDerived: boolean }

/** Rows of this are what `describeUse` asks for; `sql` is there for virtual tables. */
export const TABLE_LIST_SQL = `SELECT name, type, iif(type = 'virtual',
  (SELECT sql FROM sqlite_schema AS s WHERE s.name = list.name), '') AS sql
  FROM pragma_table_list AS list WHERE schema = 'main' ORDER BY name`

/** A virtual table that shows another one: fts5vocab, and FTS5 with `content = …`. */
const DERIVED = /fts5vocab|\bcontent\s*=/i
/** SQLite's own, which change with others and without a word: sqlite_sequence, dbstat, pragma_page_count. */
const OWN = /^(sqlite_(?!master$|schema$)|dbstat|pragma_)/i

export function describeUse(
  use: TableUse,
  isReadOnly: boolean,
  tableList: readonly Row[],
): Description {
  const tables = new Map<string, Table>()
  for (const row of tableList) {
    const isDerived = DERIVED.test(String(row['sql']))
    const table = { name: String(row['name']), type: String(row['type']), isDerived }
    tables.set(table.name.toLowerCase(), table)
  }
  // SQLite lists its schema table under the newer of its names.
  tables.set('sqlite_master', { name: 'sqlite_master', type: 'table', isDerived: false })
  const resolve = (names: ReadonlySet<string>): readonly string[] => {
    const resolved = new Set<string>()
    for (const name of names) {
      const table = tables.get(name.toLowerCase())
      if (table?.type === 'shadow') resolved.add(ownerOf(table.name, tables))
      else if (table?.type === 'table' || table?.type === 'virtual') resolved.add(table.name)
    }
    return [...resolved].sort()
  }
  const isUnknown = [...use.reads].some(
    (name) => OWN.test(name) || tables.get(name.toLowerCase())?.isDerived,
  )
  const reads = isUnknown ? undefined : resolve(use.reads)
  return { reads, writes: resolve(use.writes), isReadOnly }
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
