/** Cuts out of sqlite-wasm the two workers that Constellite never starts: the bundlers of those who use
 *  the package would look for their files, which are not shipped.
 *  Keeps: exactly two are found, so that a new release of sqlite-wasm cannot slip a third past it. */

import type { Plugin } from 'rolldown'

const WORKER_URLS = [
  /new URL\("sqlite3-opfs-async-proxy\.js", import\.meta\.url\)/,
  /new URL\("sqlite3-worker1\.mjs", import\.meta\.url\)/,
]
const WASM_URL = 'new URL("sqlite3.wasm", import.meta.url)'

export function cutSqliteWorkers(): Plugin {
  return {
    name: 'cut-sqlite-workers',
    transform: {
      filter: { id: /@sqlite\.org\/sqlite-wasm\/dist\/index\.mjs$/ },
      handler: (code) => cut(code),
    },
  }
}

export function cut(code: string): string {
  let rest = code
  for (const pattern of WORKER_URLS) {
    const next = rest.replace(pattern, 'new URL("data:text/javascript,")')
    if (next === rest) throw new Error(`sqlite-wasm has changed: ${pattern} is not in it`)
    rest = next
  }
  if (!rest.includes(WASM_URL)) throw new Error('sqlite-wasm no longer names its sqlite3.wasm')
  const left = rest
    .split(WASM_URL)
    .join('')
    .match(/new URL\([^)]*import\.meta\.url/g)
  if (left !== null) throw new Error(`sqlite-wasm names a file that is not shipped: ${left[0]}`)
  return rest.split(WASM_URL).join('new URL("./sqlite3.wasm", import.meta.url)')
}
