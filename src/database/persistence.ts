/** Persistence: asks the platform to keep what is stored, at the first write and not when a page loads.
 *  Why then: some browsers ask the reader, who understands it after having made something to keep.
 *  Lives in the page, since only a window may ask, whoever has the database.
 *  Keeps: asked once for each name, after a call of this page that writes has succeeded and a new frame has shown
 *  in the status; never by a follower, nor where it is promised already.  The newest answer, and a change of it
 *  anywhere in the browser, is in `status.storage.persisted` of every name.  Nothing waits for it. */

import { mayWrite } from './control-words.ts'
import type { Core } from './core.ts'
import type { Status } from './types.ts'

export type PersistenceParts = {
  /** Asks; resolves with whether the platform promises not to evict this origin's storage. */
  ask(): Promise<boolean>
  /** Calls `tell` when the promise is given or taken back, where the platform tells. */
  watch(tell: (isPersisted: boolean) => void): void
}

/** The core with what this page knows of the promise. */
export type Persist = (name: string, core: Core) => Core

/** One for all databases of a page. */
export function createPersistence({ ask, watch }: PersistenceParts): Persist {
  const asked = new Set<string>()
  const listeners = new Set<() => void>()
  let isPersisted: boolean | undefined
  let isWatched = false
  const tell = (answer: boolean): void => {
    isPersisted = answer
    for (const listener of listeners) listener()
  }
  return (name, core) => {
    if (!isWatched) watch(tell)
    isWatched = true
    const told = (status: Status): Status => {
      const { storage } = status
      if (isPersisted === undefined || storage === undefined) return status
      return { ...status, storage: { ...storage, persisted: isPersisted } }
    }
    return {
      ...core,
      get status() {
        return told(core.status)
      },
      onStatus: (listener) => {
        const tellThis = (): void => listener(told(core.status))
        const stop = core.onStatus((status) => listener(told(status)))
        listeners.add(tellThis)
        return () => {
          listeners.delete(tellThis)
          stop()
        }
      },
      ...watchWrites(core, () => {
        if (asked.has(name) || told(core.status).storage?.persisted === true) return
        asked.add(name)
        // A refusal is the answer "no".
        ask().then(tell, () => undefined)
      }),
    }
  }
}

type Writes = Pick<Core, 'run' | 'all' | 'exec' | 'commit' | 'importFile' | 'takeOver'>

/** The calls that write; `onWritten` is called once, when one has made a frame. */
function watchWrites(core: Core, onWritten: () => void): Writes {
  /** Where the database stood before the first write of this page that succeeded. */
  let before: bigint | undefined
  let isOver = false
  const look = (): void => {
    const { role, seq } = core.status
    if (before === undefined || role !== 'writer' || seq <= before) return
    isOver = true
    stop()
    onWritten()
  }
  const stop = core.onStatus(look)
  const after = <T>(write: Promise<T>): Promise<T> => {
    if (isOver) return write
    const { seq } = core.status
    const onSuccess = (): void => {
      before ??= seq
      if (!isOver) look()
    }
    // What failed has told its caller.
    write.then(onSuccess, () => undefined)
    return write
  }
  return {
    run: (query, call) => after(core.run(query, call)),
    all: (query, call) => {
      const rows = core.all(query, call)
      return isOver || !mayWrite(query.sql) ? rows : after(rows)
    },
    exec: (text, call) => after(core.exec(text, call)),
    commit: (transaction) => after(core.commit(transaction)),
    importFile: (source, options) => after(core.importFile(source, options)),
    takeOver: (options) => after(core.takeOver(options)),
  }
}
