/** Persistence: asks the platform to keep what is stored, at the first write and not when a page loads.
 *  Why then: some browsers ask the reader, who understands it after having made something to keep.
 *  Keeps: asked once; the answer is in `status.storage.persisted`; nothing waits for it. */

import type { Core } from './core.ts'
import type { Status } from './types.ts'

/** Resolves with whether the platform promises not to evict this origin's storage. */
export type Persist = () => Promise<boolean>

export function persistOnWrite(core: Core, persist: Persist): Core {
  const listeners = new Set<(status: Status) => void>()
  let isAsked = false
  let isPersisted = false
  const told = (status: Status): Status => {
    const { storage } = status
    if (!isPersisted || storage === undefined) return status
    return { ...status, storage: { ...storage, persisted: true } }
  }
  const ask = async (): Promise<void> => {
    isPersisted = await persist()
    if (isPersisted) for (const listener of listeners) listener(told(core.status))
  }
  const afterWrite = <T>(write: Promise<T>): Promise<T> => {
    const isNeeded = !isAsked && core.status.storage?.persisted !== true
    isAsked = true
    // A refusal is the answer "no"; a write that failed has told its caller.
    if (isNeeded) write.then(ask).catch(() => undefined)
    return write
  }
  return {
    ...core,
    get status() {
      return told(core.status)
    },
    onStatus: (listener) => {
      const toldListener = (status: Status): void => listener(told(status))
      const stop = core.onStatus(toldListener)
      listeners.add(listener)
      return () => {
        listeners.delete(listener)
        stop()
      }
    },
    run: (query, call) => afterWrite(core.run(query, call)),
    exec: (text, call) => afterWrite(core.exec(text, call)),
    importFile: (source, options) => afterWrite(core.importFile(source, options)),
  }
}
