/** An object's storage, with the rows written that every cursor reports, added up; and what was called. */

import type { ObjectStorage } from '../../src/platform/workerd.ts'

export type Counted = { rowsWritten: number; calls: number }

export function countRows(storage: ObjectStorage): {
  readonly storage: ObjectStorage
  readonly counted: Counted
} {
  const counted: Counted = { rowsWritten: 0, calls: 0 }
  const called = <T>(value: T): T => {
    counted.calls += 1
    return value
  }
  return {
    counted,
    storage: {
      sql: {
        exec: (query, ...bindings) => {
          const cursor = called(storage.sql.exec(query, ...bindings))
          const rows = [...cursor]
          // Whole only when every row was read.
          const { rowsWritten } = cursor
          counted.rowsWritten += rowsWritten
          return Object.assign(rows, { rowsWritten })
        },
        get databaseSize() {
          return called(storage.sql.databaseSize)
        },
      },
      transactionSync: (task) => called(storage.transactionSync(task)),
      sync: () => called(storage.sync()),
    },
  }
}
