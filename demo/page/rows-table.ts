/** Rows table: rows of a query as a table.  Keeps: at most ROWS_SHOWN_MAX are drawn; what is new since the
 *  rows before is marked, so that an arrival can be seen. */

import type { Row, SqlValue } from '../../src/database/types.ts'
import { element } from './dom.ts'
import { formatValue } from './format.ts'

export const ROWS_SHOWN_MAX = 100

/** Draws `rows` into `target`; answers their keys, for `before` of the next call. */
export function showRows(
  target: HTMLElement,
  rows: readonly Row[],
  before: ReadonlySet<string> | undefined,
): ReadonlySet<string> {
  const shown = rows.slice(0, ROWS_SHOWN_MAX)
  const keys = shown.map(keyOf)
  const columns = Object.keys(shown[0] ?? {})
  if (columns.length === 0) {
    target.replaceChildren()
    return new Set()
  }
  const head = element('tr', {}, ...columns.map((name) => element('th', { scope: 'col' }, name)))
  const lines = shown.map((row, index) => {
    const isNew = before !== undefined && !before.has(keys[index] ?? '')
    const cells = columns.map((name) => cellOf(row[name] ?? null))
    return element('tr', isNew ? { class: 'is-new' } : {}, ...cells)
  })
  target.replaceChildren(
    element('table', {}, element('thead', {}, head), element('tbody', {}, ...lines)),
  )
  return new Set(keys)
}

function cellOf(value: SqlValue): HTMLTableCellElement {
  const kind =
    value === null
      ? 'is-null'
      : typeof value === 'number' || typeof value === 'bigint'
        ? 'is-number'
        : ''
  const text = formatValue(value)
  const cell = element('td', kind === '' ? {} : { class: kind }, text)
  if (text.length > 40) cell.title = text
  return cell
}

function keyOf(row: Row): string {
  return Object.values(row).map(formatValue).join('\u0000')
}
