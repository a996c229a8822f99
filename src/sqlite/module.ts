/** Module: what this room uses of the loaded SQLite WASM build, as types.
 *  The package's own declarations name DOM types that not every consumer has, and loosen pointers to
 *  `any`; this is the small part that the room needs.  A pointer is a byte offset in the WASM heap.
 *  Never: holds code; the loaders (load-node.ts, load-browser.ts) answer an object of this type. */

export type Pointer = number

/** The C functions called on the hot path, without the package's converting wrappers. */
export type SqliteExports = {
  sqlite3_libversion(): Pointer
  sqlite3_malloc(sizeBytes: number): Pointer
  sqlite3_free(pointer: Pointer): void
  sqlite3_open_v2(name: Pointer, database: Pointer, flags: number, vfs: Pointer): number
  sqlite3_close_v2(database: Pointer): number
  sqlite3_extended_result_codes(database: Pointer, isOn: number): number
  sqlite3_extended_errcode(database: Pointer): number
  sqlite3_errmsg(database: Pointer): Pointer
  sqlite3_error_offset(database: Pointer): number
  sqlite3_file_control(database: Pointer, name: Pointer, op: number, argument: Pointer): number
  sqlite3_set_authorizer(database: Pointer, callback: Pointer, context: Pointer): number
  sqlite3_commit_hook(database: Pointer, callback: Pointer, context: Pointer): Pointer
  sqlite3_progress_handler(
    database: Pointer,
    everyOps: number,
    callback: Pointer,
    context: Pointer,
  ): void
  sqlite3_interrupt(database: Pointer): void
  sqlite3_get_autocommit(database: Pointer): number
  sqlite3_changes(database: Pointer): number
  sqlite3_total_changes(database: Pointer): number
  sqlite3_last_insert_rowid(database: Pointer): bigint
  sqlite3_prepare_v3(
    database: Pointer,
    sql: Pointer,
    sizeBytes: number,
    flags: number,
    statement: Pointer,
    tail: Pointer,
  ): number
  sqlite3_step(statement: Pointer): number
  sqlite3_reset(statement: Pointer): number
  sqlite3_finalize(statement: Pointer): number
  sqlite3_clear_bindings(statement: Pointer): number
  sqlite3_stmt_readonly(statement: Pointer): number
  sqlite3_stmt_status(statement: Pointer, op: number, reset: number): number
  sqlite3_bind_parameter_count(statement: Pointer): number
  sqlite3_bind_parameter_name(statement: Pointer, index: number): Pointer
  sqlite3_bind_null(statement: Pointer, index: number): number
  sqlite3_bind_int(statement: Pointer, index: number, value: number): number
  sqlite3_bind_int64(statement: Pointer, index: number, value: bigint): number
  sqlite3_bind_double(statement: Pointer, index: number, value: number): number
  sqlite3_bind_text(
    statement: Pointer,
    index: number,
    text: Pointer,
    sizeBytes: number,
    destructor: Pointer,
  ): number
  sqlite3_bind_blob(
    statement: Pointer,
    index: number,
    bytes: Pointer,
    sizeBytes: number,
    destructor: Pointer,
  ): number
  sqlite3_bind_zeroblob(statement: Pointer, index: number, sizeBytes: number): number
  sqlite3_column_count(statement: Pointer): number
  sqlite3_column_name(statement: Pointer, index: number): Pointer
  sqlite3_column_type(statement: Pointer, index: number): number
  sqlite3_column_double(statement: Pointer, index: number): number
  sqlite3_column_int64(statement: Pointer, index: number): bigint
  sqlite3_column_text(statement: Pointer, index: number): Pointer
  sqlite3_column_blob(statement: Pointer, index: number): Pointer
  sqlite3_column_bytes(statement: Pointer, index: number): number
}

/** A C struct that the package lets JavaScript fill; members are named `$member`. */
export type SqliteStruct = {
  readonly pointer: Pointer
  dispose(): void
  [member: `$${string}`]: number
}

export type SqliteStructType = new (pointer?: Pointer) => SqliteStruct

/** A function that C calls.  Arguments are i32 (number) or i64 (bigint), as its signature says. */
export type SqliteCallback = (...args: never[]) => number

export type Sqlite3 = {
  readonly capi: {
    readonly sqlite3_vfs: SqliteStructType
    readonly sqlite3_io_methods: SqliteStructType
    sqlite3_vfs_find(name: null): Pointer
    sqlite3_vfs_unregister(vfs: Pointer): number
    sqlite3_db_config(database: Pointer, op: number, isOn: number, result: Pointer): number
    /** "SQLITE_BUSY" for 5; undefined for an unknown code. */
    sqlite3_js_rc_str(code: number): string | undefined
  }
  readonly wasm: {
    readonly exports: SqliteExports
    heap8u(): Uint8Array
    /** `signature` as in "i(pj)": result, then arguments; p pointer, i i32, j i64. */
    installFunction(signature: string, callback: SqliteCallback): Pointer
    uninstallFunction(pointer: Pointer): unknown
  }
  readonly vfs: {
    installVfs(options: {
      readonly io: {
        readonly struct: SqliteStruct
        readonly methods: Readonly<Record<string, SqliteCallback>>
      }
      readonly vfs: {
        readonly struct: SqliteStruct
        readonly methods: Readonly<Record<string, SqliteCallback>>
        readonly name: string
      }
    }): unknown
  }
}

export type LoadSqlite = () => Promise<Sqlite3>
