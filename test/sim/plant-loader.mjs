/** Puts the bug that `--plant` names into the sources while Node loads them (plants.mjs): stands behind
 *  scripts/typescript.mjs on the command line of the simulator.
 *  Never: changes a file. */

import { readFileSync } from 'node:fs'
import { register } from 'node:module'
import { fileURLToPath } from 'node:url'
import { isMainThread } from 'node:worker_threads'
import { stripTypes } from '../../scripts/typescript.mjs'
import { PLANTS, plantInto } from './plants.mjs'

let plant = ''

if (isMainThread) {
  const at = process.argv.indexOf('--plant')
  const name = at < 0 ? '' : (process.argv[at + 1] ?? '')
  if (at >= 0 && PLANTS[name] === undefined) {
    throw new Error(`no bug is called "${name}": ${Object.keys(PLANTS).join(', ')}`)
  }
  if (name !== '') register(import.meta.url, { data: name })
}

/** @type {import('node:module').InitializeHook<string>} */
export async function initialize(name) {
  plant = name
}

/** @type {import('node:module').LoadHook} */
export async function load(url, context, nextLoad) {
  if (!url.startsWith('file:') || !url.endsWith('.ts')) return nextLoad(url, context)
  const path = fileURLToPath(url)
  const text = readFileSync(path, 'utf8')
  const planted = plantInto(plant, path, text)
  if (planted === text) return nextLoad(url, context)
  return { format: 'module', source: await stripTypes(path, planted), shortCircuit: true }
}
