/** Makes sqlite-wasm install callbacks without compiling, which workerd forbids: the one line that compiles
 *  a module for a callback calls src/sqlite/load-workerd-callbacks.ts instead.
 *  Keeps: no global of WebAssembly is replaced; a release of sqlite-wasm in which that line is not there
 *  exactly once fails the build.  The conformance suite runs on the result in workerd. */

import { fileURLToPath } from 'node:url'
import type { Plugin } from 'rolldown'

const CALLBACKS = fileURLToPath(new URL('../src/sqlite/load-workerd-callbacks.ts', import.meta.url))
const COMPILES =
  'return new WebAssembly.Instance(new WebAssembly.Module(new Uint8Array(wasmCode)), ' +
  '{ e: { f: func } }).exports["f"];'
/** The names are those of the function around it: the signature in either order, its letters' types. */
const CALLS =
  'return typedCallback(func, [...sigParams].map((it) => _.letterType(it)), _.letterType(sig[0]));'

export function staticCallbacks(): Plugin {
  return {
    name: 'static-callbacks',
    transform: {
      filter: { id: /@sqlite\.org\/sqlite-wasm\/dist\/index\.mjs$/ },
      handler: (code) => callStatically(code, CALLBACKS),
    },
  }
}

export function callStatically(code: string, callbacks: string): string {
  const count = code.split(COMPILES).length - 1
  if (count !== 1) {
    throw new Error(
      `sqlite-wasm has changed: it compiles callbacks in ${count} places; look at scripts/static-callbacks.ts`,
    )
  }
  const others = code.replace(COMPILES, '').match(/new WebAssembly\.(Module|Instance)\b/g)
  if (others !== null) throw new Error(`sqlite-wasm has changed: it has another ${others[0]}`)
  return `import { typedCallback } from ${JSON.stringify(callbacks)};\n${code.replace(COMPILES, CALLS)}`
}
