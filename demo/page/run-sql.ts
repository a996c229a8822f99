/** Run SQL: what was typed, through the method of the database that fits: `all` for what answers rows,
 *  `run` for one statement that writes, `exec` for several. */

import type { Database, Row } from '../../src/database/types.ts'

export type SqlResult =
  | { readonly type: 'rows'; readonly rows: readonly Row[] }
  | { readonly type: 'run'; readonly changes: number; readonly seq: bigint }
  | { readonly type: 'exec' }

const ANSWERS_ROWS = /^(select|values|with|explain|pragma)\b|\breturning\b/i

export async function runSql(database: Database, text: string): Promise<SqlResult> {
  const bare = withoutWords(text)
  if (/;\s*\S/.test(bare)) {
    await database.exec(text)
    return { type: 'exec' }
  }
  if (ANSWERS_ROWS.test(bare)) return { type: 'rows', rows: await database.all(text) }
  const { changes, seq } = await database.run(text)
  return { type: 'run', changes, seq }
}

/** The text without comments and quoted parts, in which a semicolon or a keyword means nothing. */
export function withoutWords(text: string): string {
  const quiet = /--[^\n]*|\/\*[\s\S]*?(?:\*\/|$)|'(?:[^']|'')*'|"(?:[^"]|"")*"|`[^`]*`|\[[^\]]*\]/g
  return text.replace(quiet, ' ').trim()
}
