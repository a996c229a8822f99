/** Live table: the rows of one table, newest first, kept up to date by `watch`; the list of tables is a
 *  live query too. */

import { name } from '../../src/entry/face.ts'
import { part, setText, throttled } from './dom.ts'
import { formatCount } from './format.ts'
import type { Peer } from './peer.ts'
import { ROWS_SHOWN_MAX, type ShownRows, showRows } from './rows-table.ts'

type Table = { readonly name: string; readonly hasRowid: number }

const NOTHING = 'No table yet: run the SQL above, or load the sample.'
const NOTHING_YET = 'No table yet: what the writer makes appears here.'

export function mountLiveTable(pane: HTMLElement, peer: Peer): void {
  const { db, problems } = peer
  const select = part(pane, 'table', HTMLSelectElement)
  const count = part(pane, 'live-count', HTMLElement)
  const target = part(pane, 'live-rows', HTMLElement)
  const report = (error: unknown): void => {
    problems.add('Live table', error)
  }
  let tables: readonly Table[] = []
  let watched: Table | undefined
  let stop = (): void => undefined

  const watch = (table: Table | undefined): void => {
    stop()
    watched = table
    if (table === undefined) {
      setText(count, peer.role === 'writer' ? NOTHING : NOTHING_YET)
      target.replaceChildren()
      stop = () => undefined
      return
    }
    let before: ShownRows | undefined
    const draw = throttled(() => {
      // Another table may have been chosen since.
      if (watched === table && rows.current !== undefined) {
        before = showRows(target, rows.current, before)
      }
    })
    const rows =
      table.hasRowid === 1
        ? db.watch`SELECT * FROM ${name(table.name)} ORDER BY rowid DESC LIMIT ${ROWS_SHOWN_MAX}`
        : db.watch`SELECT * FROM ${name(table.name)} LIMIT ${ROWS_SHOWN_MAX}`
    const stops = [
      rows.subscribe(draw, report),
      db.watch<{ count: number }>`SELECT count(*) AS count FROM ${name(table.name)}`.subscribe(
        ([found]) => setText(count, describeCount(found?.count ?? 0)),
        report,
      ),
    ]
    stop = () => {
      for (const end of stops) end()
    }
  }
  watch(undefined)
  const pick = part(pane, 'pick', HTMLElement)
  select.addEventListener('change', () => watch(tables.find((it) => it.name === select.value)))
  db.watch<Table>`
    SELECT name, type = 'table' AND wr = 0 AS hasRowid FROM pragma_table_list
    WHERE schema = 'main' AND type IN ('table', 'view') AND name NOT LIKE 'sqlite_%'
    ORDER BY name`.subscribe((found) => {
    tables = found
    select.replaceChildren(...tables.map((table) => new Option(table.name)))
    pick.hidden = tables.length === 0
    const kept = tables.find((table) => table.name === watched?.name) ?? tables[0]
    if (kept !== undefined) select.value = kept.name
    if (kept?.name !== watched?.name || kept?.hasRowid !== watched?.hasRowid) watch(kept)
  }, report)
}

function describeCount(count: number): string {
  const rows = `${formatCount(count)} ${count === 1 ? 'row' : 'rows'}`
  return count > ROWS_SHOWN_MAX ? `${rows}, ${ROWS_SHOWN_MAX} of them shown` : rows
}
