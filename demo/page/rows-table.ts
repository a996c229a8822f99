/** Rows table: rows of a query as a table.  Keeps: at most ROWS_SHOWN_MAX are drawn; what is new since the
 *  rows before is marked, so that an arrival can be seen. */

import type { Row, SqlValue } from '../../src/database/types.ts'
import { element, markNew } from './dom.ts'
import { formatValue } from './format.ts'

export const ROWS_SHOWN_MAX = 100

/** The lines on the page, by what is in them: a row that stays keeps its line. */
export type ShownRows = ReadonlyMap<string, HTMLTableRowElement>

/** Draws `rows` into `target`; answers what is there, for `before` of the next call. */
export function showRows(
  target: HTMLElement,
  rows: readonly Row[],
  before: ShownRows | undefined,
): ShownRows {
  const shown = rows.slice(0, ROWS_SHOWN_MAX)
  const lines = new Map<string, HTMLTableRowElement>()
  const columns = Object.keys(shown[0] ?? {})
  if (columns.length === 0) {
    target.replaceChildren()
    return lines
  }
  for (const [index, row] of shown.entries()) {
    const cells = columns.map((name) => row[name] ?? null)
    const key = `${columns.length} ${cells.map(formatValue).join('\u0000')}`
    // Equal rows are lines of their own.
    const own = lines.has(key) ? `${key} ${index}` : key
    lines.set(own, before?.get(own) ?? lineOf(cells, before !== undefined))
  }
  const head = element('tr', {}, ...columns.map((name) => element('th', { scope: 'col' }, name)))
  target.replaceChildren(
    element('table', {}, element('thead', {}, head), element('tbody', {}, ...lines.values())),
  )
  return lines
}

function lineOf(cells: readonly SqlValue[], isNew: boolean): HTMLTableRowElement {
  const line = element('tr', {}, ...cells.map(cellOf))
  return isNew ? markNew(line) : line
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
