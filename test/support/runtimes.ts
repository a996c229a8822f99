/** Finds Node, Deno and Bun and says how each starts a module.
 *  Order: a given path (CONSTELLITE_DENO, CONSTELLITE_BUN), the development dependency, PATH.
 *  Keeps: finding none is an answer with its reason, so that the runner can count it as a skip. */

import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export type RuntimeName = 'node' | 'deno' | 'bun'

export type Runtime = {
  readonly name: RuntimeName
  readonly program: string
  /** What stands before the module's path. */
  readonly parameters: readonly string[]
}

export type RuntimeFound = Runtime | { readonly program: undefined; readonly reason: string }

/** What a program that uses the package needs in Deno, in any folder it names: `ws` reads two variables when
 *  it is imported; the address that says who owns a database has no path that could be named. */
export const DENO_PERMISSIONS: readonly string[] = [
  '--allow-net',
  '--allow-env=WS_NO_BUFFER_UTIL,WS_NO_UTF_8_VALIDATE',
]

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
/** The same processors have other names there. */
const BUN_PROCESSORS: Readonly<Record<string, string>> = { arm64: 'aarch64' }

export function findRuntime(name: RuntimeName): RuntimeFound {
  if (name === 'node') return { name, program: process.execPath, parameters: [] }
  const given = process.env[`CONSTELLITE_${name.toUpperCase()}`]
  const places = given === undefined || given === '' ? [installed(name), ...onPath(name)] : [given]
  const program = places.find((path) => existsSync(path))
  if (program === undefined) {
    const reason =
      given === undefined || given === ''
        ? `no ${name}: npm ci installs it, where it has a build for this machine`
        : `no ${name}: CONSTELLITE_${name.toUpperCase()} names ${given}, which does not exist`
    return { program: undefined, reason }
  }
  // `--no-prompt`: what is not allowed is an error, not a question to nobody.
  return { name, program, parameters: name === 'deno' ? ['run', '--no-prompt'] : [] }
}

/** How `runtime` starts a module that may read and write in these folders. */
export function commandIn(runtime: Runtime, folders: readonly string[]): readonly string[] {
  const { name, program, parameters } = runtime
  if (name !== 'deno') return [program, ...parameters]
  const list = folders.join(',')
  const access = [`--allow-read=${list}`, `--allow-write=${list}`]
  return [program, ...parameters, ...DENO_PERMISSIONS, ...access]
}

/** The package of this platform that npm chose; its wrapper would need an install script. */
function installed(name: 'deno' | 'bun'): string {
  const { platform, arch } = process
  const suffix = platform === 'win32' ? '.exe' : ''
  const processor = BUN_PROCESSORS[arch] ?? arch
  const path =
    name === 'deno'
      ? `@deno/${platform}-${arch}${platform === 'linux' ? '-glibc' : ''}/deno${suffix}`
      : `@oven/bun-${platform === 'win32' ? 'windows' : platform}-${processor}/bin/bun${suffix}`
  return join(ROOT, 'node_modules', path)
}

function onPath(name: string): string[] {
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter((it) => it !== '')
  // npm's own wrappers are not the program.
  return folders.filter((it) => !it.includes('node_modules')).map((it) => join(it, name))
}
