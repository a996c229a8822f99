/** Loads SQLite where the package finds its own `.wasm`: Node, Deno and Bun.
 *  Never: runs at import; the first call loads. */

import sqlite3InitModule from '@sqlite.org/sqlite-wasm'
import { loadOnce } from './load-quietly.ts'
import type { LoadSqlite } from './module.ts'

export const loadSqliteNode: LoadSqlite = loadOnce(() => sqlite3InitModule())
