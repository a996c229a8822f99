/** Bundles the program of this folder with test files: those that run inside an object, and portable ones.
 *  Keeps: `constellite` is the shipped file, unchanged and beside the bundle; only what tests import from
 *  src/ is in the bundle, with workerd's own loaders and callbacks. */

import { builtinModules } from 'node:module'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Plugin } from 'rolldown'
import { esmExternalRequirePlugin } from 'rolldown/plugins'
import { bundlePortable } from '../support/portable/bundle.ts'
import { embeddedFiles } from './embedded-files.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** The shipped files, as the program's modules import them: serve.ts puts them there. */
const EDGE: Readonly<Record<string, string>> = {
  '#edge': './edge/index.js',
  '#edge-again': './again/index.js',
}

/** Before tsconfig.json has a say, which knows Node's. */
const OWN: Readonly<Record<string, string>> = {
  '#place': 'test/workerd/place-workerd.ts',
  constellite: 'test/workerd/constellite.ts',
}

export function bundleWorkerd(tests: readonly string[]): Promise<string> {
  return bundlePortable({
    program: 'test/workerd/program.ts',
    tests,
    platform: 'browser',
    instead: { 'src/crypto/kernel-load-node.ts': 'src/crypto/kernel-load-workerd.ts' },
    plugins: [
      embeddedFiles(),
      // A dependency of tests asks for Node's modules, which workerd has under `nodejs_compat`.
      esmExternalRequirePlugin({ external: [...builtinModules] }),
      shipped(),
    ],
  })
}

function shipped(): Plugin {
  return {
    name: 'shipped',
    resolveId: (source) => {
      const file = EDGE[source]
      if (file !== undefined) return { id: file, external: true }
      if (source.startsWith('node:')) return { id: source, external: true }
      const own = OWN[source]
      if (own !== undefined) return join(ROOT, own)
      if (source.endsWith('.wasm')) return { id: `./edge/${basename(source)}`, external: true }
      return null
    },
  }
}
