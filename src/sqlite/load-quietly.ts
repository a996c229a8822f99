/** Loading: one instance of the official build for a realm, without its own file systems.
 *  Keeps: the package reads its settings from a global while it starts; the global is put back.
 *  A load that fails is forgotten, so the next call tries again.
 *  Never: lets the package start its OPFS worker or print to the console. */

import type { LoadSqlite, Sqlite3 } from './module.ts'

type Settings = { sqlite3ApiConfig?: unknown }

const SETTINGS = {
  debug: ignore,
  log: ignore,
  warn: ignore,
  error: ignore,
  disable: { vfs: { opfs: true, 'opfs-wl': true, 'opfs-sahpool': true, kvvfs: true } },
}

/** Runs `start` under the quiet settings, which the package reads once its code is there. */
export function loadOnce(start: () => Promise<unknown>): LoadSqlite {
  let loading: Promise<Sqlite3> | undefined
  return () => {
    loading ??= loadQuietly(start).catch((error: unknown) => {
      loading = undefined
      throw error
    })
    return loading
  }
}

async function loadQuietly(start: () => Promise<unknown>): Promise<Sqlite3> {
  // The name is the package's; nothing else in a realm uses it.
  const settings = globalThis as Settings
  const before = settings.sqlite3ApiConfig
  settings.sqlite3ApiConfig = SETTINGS
  try {
    // The package's types loosen pointers to `any`; module.ts states what is used of them.
    return (await start()) as Sqlite3
  } finally {
    if (before === undefined) delete settings.sqlite3ApiConfig
    else settings.sqlite3ApiConfig = before
  }
}

function ignore(): void {}
