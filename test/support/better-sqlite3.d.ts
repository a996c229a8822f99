/** The few calls of better-sqlite3 that tests make; it ships no types. */
declare module 'better-sqlite3' {
  type Value = null | number | bigint | string | Uint8Array

  class Statement {
    run(...parameters: readonly Value[]): { changes: number }
    get(...parameters: readonly Value[]): unknown
    all(...parameters: readonly Value[]): unknown[]
    pluck(): Statement
  }

  class Sqlite {
    constructor(file: string | Buffer, options?: { readonly readonly?: boolean })
    prepare(sql: string): Statement
    exec(sql: string): void
    pragma(text: string, options?: { readonly simple?: boolean }): unknown
    serialize(): Buffer
    close(): void
  }

  /** The name that users of the library know the type by. */
  namespace Sqlite {
    type Database = Sqlite
  }

  export = Sqlite
}
