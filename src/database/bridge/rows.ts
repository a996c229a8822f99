/** Rows across a port: the names of their columns once, then the values; and of a live query only the rows
 *  that changed.  Keeps: a row that did not change stays the same object on the other side too. */

import type { Row, SqlValue } from '../types.ts'

/** How many columns, their names, and the values row by row; empty for no rows. */
export type PackedRows = readonly SqlValue[]

export function packRows(rows: readonly Row[]): PackedRows {
  const [first] = rows
  if (first === undefined) return []
  // All rows of one answer have the same columns in the same order.
  const names = Object.keys(first)
  const packed: SqlValue[] = [names.length, ...names]
  // A row has a value under each of its names.
  for (const row of rows) for (const name of names) packed.push(row[name] as SqlValue)
  return packed
}

export function unpackRows(packed: PackedRows): Row[] {
  const rows: Row[] = []
  // The other end is this same file.
  const firstAt = 1 + ((packed[0] ?? 0) as number)
  for (let at = firstAt; at < packed.length; ) {
    const row: Row = {}
    for (let index = 1; index < firstAt; index++) {
      // As above.
      setValue(row, packed[index] as string, packed[at] as SqlValue)
      at += 1
    }
    rows.push(row)
  }
  return rows
}

function setValue(row: Row, name: string, value: SqlValue): void {
  if (name !== '__proto__') row[name] = value
  else Object.defineProperty(row, name, { value, enumerable: true, writable: true })
}

/** How one answer of a live query differs from the one before. */
export type RowsChange = {
  readonly length: number
  /** From here on the rows are the last ones of before; up to here the ones at the same index. */
  readonly keptFrom: number
  /** But at these indexes, which are new; undefined: all up to `keptFrom`. */
  readonly at: readonly number[] | undefined
  readonly rows: PackedRows
}

/** By the identity of rows, which the live query kept. */
export function changeOf(last: readonly Row[], next: readonly Row[]): RowsChange {
  const { length } = next
  const shift = last.length - length
  let keptFrom = length
  while (
    keptFrom > 0 &&
    keptFrom + shift > 0 &&
    last[keptFrom + shift - 1] === next[keptFrom - 1]
  ) {
    keptFrom -= 1
  }
  const at: number[] = []
  for (let index = 0; index < keptFrom; index++) if (last[index] !== next[index]) at.push(index)
  // Every index is inside.
  const rows = packRows(at.map((index) => next[index] as Row))
  return { length, keptFrom, at: at.length === keptFrom ? undefined : at, rows }
}

export function applyChange(last: readonly Row[], change: RowsChange): Row[] {
  const { length, keptFrom, at } = change
  const fresh = unpackRows(change.rows)
  const shift = last.length - length
  const rows = Array.from({ length }, (_, index) => {
    // `changeOf` names every index of which this is not true.
    if (index >= keptFrom) return last[index + shift] as Row
    return (at === undefined ? fresh[index] : last[index]) as Row
  })
  if (at !== undefined) for (const [place, index] of at.entries()) rows[index] = fresh[place] as Row
  return rows
}
