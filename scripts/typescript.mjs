/** Lets Node 20 run the repository's own TypeScript: `node --import ./scripts/typescript.mjs file.ts`.
 *  Types are only erased (the sources are written for that), never checked: `npm run check` does.
 *  Never: part of the package. */

import { readFileSync } from 'node:fs'
import { register } from 'node:module'
import { fileURLToPath } from 'node:url'
import { isMainThread } from 'node:worker_threads'

if (isMainThread) register(import.meta.url)

/** Node's loader hook: what is TypeScript is stripped of its types, the rest goes on.
 *  @type {import('node:module').LoadHook} */
export async function load(url, context, nextLoad) {
  if (!url.startsWith('file:') || !url.endsWith('.ts')) return nextLoad(url, context)
  const path = fileURLToPath(url)
  const source = await stripTypes(path, readFileSync(path, 'utf8'))
  return { format: 'module', source, shortCircuit: true }
}

/** JavaScript for the text of a TypeScript file, with a source map inside.
 *  @param {string} path @param {string} text */
export async function stripTypes(path, text) {
  const { transformSync } = await import('rolldown/utils')
  const { code, map, errors } = transformSync(path, text, {
    lang: 'ts',
    sourcemap: true,
    target: 'es2022',
  })
  if (errors.length > 0) throw new SyntaxError(`${path}: ${errors[0]?.message}`)
  const inline = map
    ? `\n//# sourceMappingURL=data:application/json;base64,${Buffer.from(JSON.stringify(map)).toString('base64')}`
    : ''
  return code + inline
}
