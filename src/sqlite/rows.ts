/** Rows: reads the current row of a statement as an object.
 *  Keeps: integers are numbers when safe, else bigint; blobs are copies; no column is lost: of columns
 *  with one name the second becomes `name:1`, as SQLite itself names them in CREATE TABLE … AS. */

import { TYPE_BLOB, TYPE_FLOAT, TYPE_INTEGER, TYPE_TEXT } from './codes.ts'
import type { Heap } from './heap.ts'
import type { Pointer, SqliteExports } from './module.ts'
import type { Row, SqlValue } from './values.ts'

export function readColumnNames(
  exports: SqliteExports,
  heap: Heap,
  statement: Pointer,
): readonly string[] {
  const names = new Set<string>()
  const count = exports.sqlite3_column_count(statement)
  for (let index = 0; index < count; index++) {
    const name = heap.cText(exports.sqlite3_column_name(statement, index))
    let unique = name
    for (let copy = 1; names.has(unique); copy++) unique = `${name}:${copy}`
    names.add(unique)
  }
  return [...names]
}

export function readRow(
  exports: SqliteExports,
  heap: Heap,
  statement: Pointer,
  names: readonly string[],
): Row {
  const row: Row = {}
  for (let index = 0; index < names.length; index++) {
    // The loop stays inside the array.
    const name = names[index] as string
    const value = readColumn(exports, heap, statement, index)
    if (name !== '__proto__') row[name] = value
    else Object.defineProperty(row, name, { value, enumerable: true, writable: true })
  }
  return row
}

function readColumn(
  exports: SqliteExports,
  heap: Heap,
  statement: Pointer,
  index: number,
): SqlValue {
  switch (exports.sqlite3_column_type(statement, index)) {
    case TYPE_INTEGER: {
      // As a double first: no bigint is made for the integers that a double holds exactly.
      const value = exports.sqlite3_column_double(statement, index)
      return Number.isSafeInteger(value) ? value : exports.sqlite3_column_int64(statement, index)
    }
    case TYPE_FLOAT:
      return exports.sqlite3_column_double(statement, index)
    case TYPE_TEXT: {
      const pointer = exports.sqlite3_column_text(statement, index)
      return heap.text(pointer, exports.sqlite3_column_bytes(statement, index))
    }
    case TYPE_BLOB: {
      const pointer = exports.sqlite3_column_blob(statement, index)
      const sizeBytes = exports.sqlite3_column_bytes(statement, index)
      return heap.bytes().slice(pointer, pointer + sizeBytes)
    }
    default:
      return null
  }
}
