/** Registry: which databases are open in this realm, each once, counted by its handles.
 *  Keeps: one name is one core; other options are refused, but for migrations that go on where those of the
 *  open core end, which it is given; a name whose core is closing, or has stopped by itself, is opened anew
 *  when the old one has let go of its storage; but for one of a cleared site. */

import { ConstelliteError, failureOf } from '../base/failure.ts'
import type { Signal } from '../base/globals.ts'
import type { Core } from './core.ts'
import { appendsMigrations, type OpenOptions, sameOptions } from './options.ts'

export type Entry = {
  options: OpenOptions
  readonly core: Promise<Core>
  handles: number
  /** Calls these with the fraction that opening has done. */
  readonly onProgress: Set<(fraction: number) => void>
  /** Somewhere else has it and does not answer; calls these when that changes. */
  isSilent: boolean
  readonly onSilence: Set<() => void>
  /** Nobody waits for it to open any more. */
  leave(): void
}

/** What opening may take notice of, where it depends on somebody else. */
export type Meanwhile = {
  /** Nobody wants it any more. */
  readonly signal: Signal
  /** Whoever has it does not answer, or answers again. */
  onSilence(isSilent: boolean): void
}

export type Connect = (
  name: string,
  options: OpenOptions,
  onProgress: (fraction: number) => void,
  meanwhile?: Meanwhile,
) => Promise<Core>

/** `core` is where these options want it: those of others may have less. */
export type Taken = { readonly entry: Entry; readonly core: Promise<Core> }

export type Registry = {
  /** The entry of this name, made when there is none; throws ErrOptionsDiffer. */
  take(key: string, name: string, options: OpenOptions): Taken
  /** Resolves when nothing of it is left open, if this was the last handle. */
  giveBack(key: string, entry: Entry): Promise<void>
}

export function createRegistry(connect: Connect): Registry {
  const entries = new Map<string, Entry>()
  const closing = new Map<string, Promise<void>>()

  const forget = (key: string, entry: Entry): void => {
    if (entries.get(key) !== entry) return
    entries.delete(key)
    entry.leave()
    const closed = closeCore(entry).finally(() => {
      if (closing.get(key) === closed) closing.delete(key)
    })
    // Told to whoever gives the last handle back; a core that stopped by itself has told already.
    closed.catch(() => undefined)
    closing.set(key, closed)
  }
  const begin = (key: string, name: string, options: OpenOptions): Entry => {
    const onProgress: Entry['onProgress'] = new Set()
    const leaving = new AbortController()
    const onSilence = (isSilent: boolean): void => {
      if (isSilent === entry.isSilent) return
      entry.isSilent = isSilent
      for (const listener of entry.onSilence) listener()
    }
    const open = async (): Promise<Core> => {
      // A failure to close was told to whoever closed; opening shows whether the storage is free.
      await closing.get(key)?.catch(() => undefined)
      const tell = (fraction: number): void => {
        for (const listener of onProgress) listener(fraction)
      }
      return connect(name, options, tell, { signal: leaving.signal, onSilence })
    }
    const entry: Entry = {
      options,
      core: open(),
      handles: 0,
      onProgress,
      isSilent: false,
      onSilence: new Set(),
      leave: () => leaving.abort(),
    }
    entry.core.then(
      (core) =>
        core.ended.then((failure) => {
          // Of a cleared site it is all there is: it stays to be exported until its handles are closed.
          if (failure.code !== 'ErrCleared') forget(key, entry)
        }),
      () => forget(key, entry),
    )
    return entry
  }
  return {
    take: (key, name, options) => {
      const existing = entries.get(key)
      const isLonger = existing !== undefined && appendsMigrations(existing.options, options)
      const isKnown = existing === undefined || sameOptions(existing.options, options)
      if (!isKnown && !isLonger) throw differ(name)
      const entry = existing ?? begin(key, name, options)
      entries.set(key, entry)
      entry.handles += 1
      return { entry, core: isLonger ? append(entry, options) : entry.core }
    },
    giveBack: async (key, entry) => {
      entry.handles -= 1
      if (entry.handles === 0) forget(key, entry)
      if (entry.handles === 0) await closing.get(key)
    },
  }
}

/** A module with one more migration, put in the place of the one that opened the database. */
async function append(entry: Entry, options: OpenOptions): Promise<Core> {
  const core = await entry.core
  await core.migrate(options.migrations ?? [])
  entry.options = options
  return core
}

async function closeCore(entry: Entry): Promise<void> {
  let core: Core
  try {
    core = await entry.core
  } catch {
    // It never opened: every handle was told, and nothing is held.
    return
  }
  try {
    await core.close()
  } catch (error) {
    throw failureOf(error)
  }
}

function differ(name: string): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrOptionsDiffer',
    message: `"${name}" is open here already, with other options.`,
    hint: 'Keep one open(name, options) in a module and import the handle, or close the other first. Only appended migrations are taken while it is open.',
    facts: { name },
  })
}
