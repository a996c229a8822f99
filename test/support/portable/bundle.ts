/** Makes one module of test files and their runner, for a runtime in which vitest does not run.
 *  Keeps: each file is loaded by itself and in order, inside the run, so that one that throws is one failure
 *  and module code may use what a runtime forbids at start; `import.meta.url` is that of the source. */

import { join, relative } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { build, type Plugin } from 'rolldown'

const ROOT = fileURLToPath(new URL('../../..', import.meta.url))
const FILES = '#files'

export type PortableBundleOptions = {
  /** The runtime's own program, which runs `files` of `#files` with `runAll`; from the root. */
  readonly program: string
  /** Test files, from the root. */
  readonly tests: readonly string[]
  /** What `#place` is in this runtime; from the root. */
  readonly place?: string
  /** Modules that the runtime finds itself. */
  readonly external?: readonly (string | RegExp)[]
  /** Sources that this runtime has others for; both from the root. */
  readonly instead?: Readonly<Record<string, string>>
  /** Export conditions of packages; rolldown's own for `platform` where none are named. */
  readonly conditions?: readonly string[]
  readonly platform?: 'node' | 'browser' | 'neutral'
  /** What this runtime needs beside; they come first. */
  readonly plugins?: readonly Plugin[]
}

export async function bundlePortable(options: PortableBundleOptions): Promise<string> {
  const { external = [], platform = 'node' } = options
  const { output } = await build({
    input: join(ROOT, options.program),
    platform,
    external: [...external],
    logLevel: 'silent',
    // Its paths are those of Node's conformance project.
    tsconfig: false,
    write: false,
    resolve: {
      alias: {
        vitest: join(ROOT, 'test/support/portable/vitest.ts'),
        ...(options.place === undefined ? {} : { '#place': join(ROOT, options.place) }),
      },
      ...(options.conditions === undefined ? {} : { conditionNames: [...options.conditions] }),
    },
    plugins: [
      ...(options.plugins ?? []),
      listOfFiles(options.tests),
      replaced(options.instead ?? {}),
      ownAddress(),
      withoutColours(),
    ],
    output: { format: 'esm', codeSplitting: false },
  })
  return output[0].code
}

/** The module `#files`: the tests, each loaded when it is asked for. */
function listOfFiles(tests: readonly string[]): Plugin {
  return {
    name: 'list-of-files',
    resolveId: (source) => (source === FILES ? FILES : null),
    load: (id) => {
      if (id !== FILES) return null
      const items = tests.map((path) => {
        const target = JSON.stringify(join(ROOT, path))
        return `{ path: ${JSON.stringify(path)}, load: () => import(${target}) }`
      })
      return `export const files = [${items.join(', ')}]`
    },
  }
}

function replaced(instead: Readonly<Record<string, string>>): Plugin {
  const targets = new Map(Object.entries(instead).map(([from, to]) => [join(ROOT, from), to]))
  return {
    name: 'replaced',
    async resolveId(source, importer, extra) {
      if (targets.size === 0 || importer === undefined) return null
      const found = await this.resolve(source, importer, { ...extra, skipSelf: true })
      const target = found === null ? undefined : targets.get(found.id)
      return target === undefined ? found : join(ROOT, target)
    },
  }
}

/** A source finds what lies beside it, wherever the bundle is. */
function ownAddress(): Plugin {
  return {
    name: 'own-address',
    transform: (code, id) => {
      const isOwn = !relative(ROOT, id).startsWith('.') && !id.includes('/node_modules/')
      if (!isOwn || !code.includes('import.meta.url')) return null
      return code.replaceAll('import.meta.url', JSON.stringify(pathToFileURL(id).href))
    },
  }
}

/** The matchers' colours: what they come from reads the environment, which takes a permission in Deno. */
function withoutColours(): Plugin {
  const name = 'tinyrainbow'
  return {
    name: 'without-colours',
    resolveId: (source) => (source === name ? `\0${name}` : null),
    load: (id) =>
      id === `\0${name}` ? 'export default new Proxy({}, { get: () => String })' : null,
  }
}
