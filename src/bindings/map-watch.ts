/** Mapped watch: a live query whose rows an ORM turns into its own.
 *  Keeps: one array of rows is mapped once, so that unchanged rows stay one array; where mapping takes its
 *  time, only the newest rows are told. */

import type { Watch } from '../database/types.ts'

type Map<R, S> = (rows: R[]) => S[] | Promise<S[]>

export function mapWatch<R extends object, S>(watch: Watch<R>, map: Map<R, S>): Watch<S> {
  const mappedByRows = new WeakMap<R[], S[]>()
  /** The mapped rows, at once where they are known or mapping does not wait. */
  const mapOnce = (rows: R[]): S[] | Promise<S[]> => {
    const keep = (mapped: S[]): S[] => {
      const known = mappedByRows.get(rows) ?? mapped
      mappedByRows.set(rows, known)
      return known
    }
    const known = mappedByRows.get(rows) ?? map(rows)
    return known instanceof Promise ? known.then(keep) : keep(known)
  }
  return {
    get current() {
      return watch.current === undefined ? undefined : mappedByRows.get(watch.current)
    },
    subscribe: (onRows, onError) => {
      let newest: R[] | undefined
      const tell = (rows: R[]): void => {
        newest = rows
        const mapped = mapOnce(rows)
        if (!(mapped instanceof Promise)) onRows(mapped)
        else mapped.then((late) => (newest === rows ? onRows(late) : undefined))
      }
      const stop = watch.subscribe(tell, onError)
      return () => {
        newest = undefined
        stop()
      }
    },
    async *[Symbol.asyncIterator]() {
      for await (const rows of watch) yield await mapOnce(rows)
    },
  }
}
