/** Loads SQLite in workerd, where a .wasm file is a static import and its module compiled before.
 *  Never: runs at import; the first call loads. */

import sqlite3InitModule from '@sqlite.org/sqlite-wasm'
import sqliteModule from '@sqlite.org/sqlite-wasm/sqlite3.wasm'
import { loadOnce } from './load-quietly.ts'
import type { LoadSqlite } from './module.ts'

/** Declared by hand: the package's types do not name the options that its loader takes. */
type Init = (options: {
  instantiateWasm(
    imports: WebAssembly.Imports,
    receive: (instance: WebAssembly.Instance, module: WebAssembly.Module) => void,
  ): void
}) => Promise<unknown>

export const loadSqliteWorkerd: LoadSqlite = loadOnce(() =>
  // See `Init`.
  (sqlite3InitModule as unknown as Init)({
    instantiateWasm: (imports, receive) =>
      receive(new WebAssembly.Instance(sqliteModule, imports), sqliteModule),
  }),
)
