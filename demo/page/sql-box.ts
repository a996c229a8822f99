/** SQL box: runs what is typed, shows rows or what it did, or the error with its hint.  The result of the
 *  newest run stands here; errors also stay in the list of problems. */

import { isFailure } from '../../src/base/failure.ts'
import { part, setText } from './dom.ts'
import { formatCount } from './format.ts'
import type { Peer } from './peer.ts'
import { ROWS_SHOWN_MAX, showRows } from './rows-table.ts'
import { runSql, type SqlResult } from './run-sql.ts'

type Example = { readonly title: string; readonly sql: string }

const WRITER_EXAMPLES: readonly Example[] = [
  {
    title: 'Make a table',
    sql: `CREATE TABLE note (id INTEGER PRIMARY KEY, text TEXT NOT NULL);
INSERT INTO note (text) VALUES ('The first note');`,
  },
  { title: 'Write a note', sql: "INSERT INTO note (text) VALUES ('Written at ' || time('now'))" },
  {
    title: 'Change the newest note',
    sql: "UPDATE note SET text = text || '!' ORDER BY id DESC LIMIT 1",
  },
  {
    title: 'Delete the oldest note',
    sql: 'DELETE FROM note WHERE id = (SELECT min(id) FROM note)',
  },
  {
    title: 'Sample: find by word',
    sql: "SELECT symbol, name FROM emoji JOIN word ON word.emoji = emoji.id WHERE word = 'moon'",
  },
  {
    title: 'Sample: count by category',
    sql: 'SELECT category, count(*) AS emoji FROM emoji GROUP BY category ORDER BY 2 DESC',
  },
]

const FOLLOWER_EXAMPLES: readonly Example[] = [
  { title: 'List the tables', sql: "SELECT name FROM sqlite_schema WHERE type = 'table'" },
  { title: 'Read the notes', sql: 'SELECT * FROM note ORDER BY id DESC' },
  { title: 'Try to write', sql: "INSERT INTO note (text) VALUES ('from the follower')" },
  { title: 'Check the file', sql: 'PRAGMA integrity_check' },
]

export function mountSqlBox(pane: HTMLElement, peer: Peer): void {
  const text = part(pane, 'sql', HTMLTextAreaElement)
  const form = part(pane, 'sql-form', HTMLFormElement)
  const button = part(pane, 'run', HTMLButtonElement)
  const outcome = part(pane, 'sql-outcome', HTMLElement)
  const error = part(pane, 'sql-error', HTMLElement)
  const rows = part(pane, 'sql-rows', HTMLElement)
  const examples = peer.role === 'writer' ? WRITER_EXAMPLES : FOLLOWER_EXAMPLES
  offerExamples(part(pane, 'examples', HTMLSelectElement), examples, text)

  const run = async (): Promise<void> => {
    button.disabled = true
    setText(error, '')
    setText(outcome, 'Running…')
    const before = performance.now()
    try {
      const result = await runSql(peer.db, text.value)
      setText(outcome, `${describe(result)} (${(performance.now() - before).toFixed(1)} ms)`)
      const found = result.type === 'rows' ? result.rows : []
      rows.hidden = found.length === 0
      showRows(rows, found, undefined)
    } catch (thrown) {
      setText(outcome, '')
      rows.hidden = true
      const { code, message, hint } = peer.problems.add('SQL', thrown)
      const words = isFailure(thrown) ? `${code}: ${message}` : message
      setText(error, hint === '' ? words : `${words} ${hint}`)
    } finally {
      button.disabled = false
    }
  }
  form.addEventListener('submit', (event) => {
    event.preventDefault()
    run()
  })
  text.addEventListener('keydown', (event) => {
    if (event.key !== 'Enter' || !(event.ctrlKey || event.metaKey)) return
    event.preventDefault()
    form.requestSubmit()
  })
}

function offerExamples(
  select: HTMLSelectElement,
  examples: readonly Example[],
  text: HTMLTextAreaElement,
): void {
  for (const { title, sql } of examples) select.add(new Option(title, sql))
  const take = (): void => {
    text.value = select.value
  }
  select.addEventListener('change', take)
  take()
}

function describe(result: SqlResult): string {
  switch (result.type) {
    case 'exec':
      return 'All statements ran.'
    case 'run':
      return `${formatCount(result.changes)} ${result.changes === 1 ? 'row' : 'rows'} changed, durable at seq ${result.seq}.`
    case 'rows': {
      const { length } = result.rows
      const more = length > ROWS_SHOWN_MAX ? `, the first ${ROWS_SHOWN_MAX} shown` : ''
      return `${formatCount(length)} ${length === 1 ? 'row' : 'rows'}${more}.`
    }
  }
}
