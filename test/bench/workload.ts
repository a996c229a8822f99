/** The work of `bench commit`, the same for every side: rows of about 100 bytes, one transaction each,
 *  durable before the next (or, with callers, before that caller's next). */

export const SCHEMA = 'CREATE TABLE entry (id INTEGER PRIMARY KEY, at INTEGER, body TEXT)'
export const INSERT = 'INSERT INTO entry (at, body) VALUES (?, ?)'
const BODY = 'A row of the size that an ordinary application writes: some words, a title, a state. '

export type Insert = (at: number, body: string) => unknown

/** Microseconds a commit, `callers` of them waiting at a time. */
export async function costOfCommits(
  insert: Insert,
  load: { readonly commits: number; readonly callers: number },
): Promise<number> {
  const startedAt = performance.now()
  const each = Math.floor(load.commits / load.callers)
  const caller = async (): Promise<void> => {
    for (let index = 0; index < each; index++) await insert(index, BODY)
  }
  await Promise.all(Array.from({ length: load.callers }, caller))
  return ((performance.now() - startedAt) * 1000) / (each * load.callers)
}
