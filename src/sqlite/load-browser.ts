/** Loads SQLite in a browser worker from a URL that the caller knows (the bundle's `.wasm`).
 *  Keeps: what the server answered is in the failure.  The bytes are fetched here and not by the
 *  package, which would guess an address and needs the right MIME type.
 *  Never: runs at import; the first call loads. */

import sqlite3InitModule from '@sqlite.org/sqlite-wasm'
import { ConstelliteError } from '../base/failure.ts'
import { loadOnce } from './load-quietly.ts'
import type { LoadSqlite } from './module.ts'

/** Declared by hand: the package's types do not name the options that its loader takes. */
type Init = (options: { readonly wasmBinary: ArrayBuffer }) => Promise<unknown>

export function createBrowserLoader(wasmUrl: string | URL): LoadSqlite {
  return loadOnce(async () => {
    const wasmBinary = await fetchBytes(wasmUrl)
    // See `Init`.
    return (sqlite3InitModule as unknown as Init)({ wasmBinary })
  })
}

async function fetchBytes(wasmUrl: string | URL): Promise<ArrayBuffer> {
  const response = await fetch(wasmUrl).catch((error: unknown) => {
    throw unreachable(wasmUrl, 'no answer', error)
  })
  if (!response.ok) throw unreachable(wasmUrl, `status ${response.status}`, undefined)
  return response.arrayBuffer()
}

function unreachable(wasmUrl: string | URL, answer: string, cause: unknown): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrWorkerFailed',
    message: `SQLite could not be loaded from ${String(wasmUrl)}: ${answer}.`,
    hint: 'Serve the .wasm file beside the worker, or pass its address as wasmUrl; connect-src of a Content-Security-Policy must allow it.',
    facts: { url: String(wasmUrl) },
    retry: 'later',
    cause,
  })
}
