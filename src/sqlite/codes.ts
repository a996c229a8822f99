/** Codes: the numbers of SQLite's C interface that this room uses.
 *  Source: sqlite3.h of 3.54; they are part of its stable interface and never renumbered. */

export const SQLITE_OK = 0
export const SQLITE_BUSY = 5
export const SQLITE_NOMEM = 7
export const SQLITE_READONLY = 8
export const SQLITE_INTERRUPT = 9
export const SQLITE_IOERR = 10
export const SQLITE_CORRUPT = 11
export const SQLITE_NOTFOUND = 12
export const SQLITE_FULL = 13
export const SQLITE_CANTOPEN = 14
export const SQLITE_TOOBIG = 18
export const SQLITE_CONSTRAINT = 19
export const SQLITE_NOTADB = 26
export const SQLITE_ROW = 100
export const SQLITE_DONE = 101

export const SQLITE_BUSY_SNAPSHOT = 517
export const SQLITE_IOERR_READ = 266
export const SQLITE_IOERR_SHORT_READ = 522
export const SQLITE_IOERR_WRITE = 778

/** Answer of an authorizer that refuses. */
export const SQLITE_DENY = 1

export const OPEN_READWRITE = 0x2
export const OPEN_CREATE = 0x4
export const OPEN_MAIN_DB = 0x100

export const LOCK_NONE = 0
export const LOCK_SHARED = 1
export const LOCK_RESERVED = 2

export const FCNTL_SYNC = 21
export const FCNTL_COMMIT_PHASETWO = 22
export const FCNTL_RESET_CACHE = 42

/** No power cut can reorder or tear what only this process sees: the rollback journal lives in memory
 *  or in a file that is emptied at open.  UNDELETABLE_WHEN_OPEN keeps it open between transactions. */
export const DEVICE_CHARACTERISTICS: number =
  0x200 /* SAFE_APPEND */ |
  0x400 /* SEQUENTIAL */ |
  0x800 /* UNDELETABLE_WHEN_OPEN */ |
  0x1000 /* POWERSAFE_OVERWRITE */

export const DBCONFIG_DEFENSIVE = 1010
export const DBCONFIG_TRUSTED_SCHEMA = 1017

export const PREPARE_PERSISTENT = 1
export const STMTSTATUS_REPREPARE = 5

export const TYPE_INTEGER = 1
export const TYPE_FLOAT = 2
export const TYPE_TEXT = 3
export const TYPE_BLOB = 4

/** What an authorizer is asked about. */
export const ACTION_DELETE = 9
export const ACTION_INSERT = 18
export const ACTION_PRAGMA = 19
export const ACTION_READ = 20
export const ACTION_TRANSACTION = 22
export const ACTION_UPDATE = 23
export const ACTION_ATTACH = 24
export const ACTION_SAVEPOINT = 32
/** CREATE, DROP, ALTER, REINDEX, ANALYZE and virtual tables: the schema or everything may change. */
export const SCHEMA_ACTIONS: ReadonlySet<number> = new Set([
  1, 2, 7, 8, 10, 11, 16, 17, 26, 27, 28, 29, 30,
])
