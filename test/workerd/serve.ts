/** workerd as a process: the program of this folder with the package's edge files beside it, its objects on a
 *  folder that outlives the process, on a free port of the loopback.
 *  Not production: no limit of the cloud (row size, storage, memory, CPU time, billing) is enforced here, and
 *  the disk's word is taken for a confirmed write. */

import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export type Workerd = {
  /** "http://127.0.0.1:1234" */
  readonly url: string
  /** Ends it as a power cut would, and answers the signal that did. */
  kill(): Promise<string>
}

export type WorkerdOptions = {
  /** The program's text: bundle.ts. */
  readonly program: string
  /** What it imports, by the names under which it does. */
  readonly modules: ReadonlyMap<string, Uint8Array>
  /** Where config and modules are put, and objects keep their storage; a later start finds them again. */
  readonly folder: string
  /** The program's classes, each bound under its name in capitals. */
  readonly classes?: readonly string[]
  /** Which behaviour the Worker asks for. */
  readonly compatibilityDate?: string
}

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const START_MS_MAX = 30_000
/** Has `nodejs_compat` by default. */
const NEWEST = '2026-10-01'

/** Undefined where the package `workerd` has no binary for this machine. */
export function findWorkerd(): string | undefined {
  const scope = join(ROOT, 'node_modules/@cloudflare')
  const names = existsSync(scope) ? readdirSync(scope) : []
  return names
    .filter((name) => name.startsWith('workerd-'))
    .map((name) => join(scope, name, 'bin/workerd'))
    .find((path) => existsSync(path))
}

/** The files of a project's `constellite` that wrangler would take, under two names: the package is there twice,
 *  as bundles sometimes have it. */
export function edgeModules(project: string): ReadonlyMap<string, Uint8Array> {
  const edge = join(project, 'node_modules/constellite/dist/edge')
  const modules = new Map<string, Uint8Array>()
  for (const copy of ['edge', 'again']) {
    for (const file of readdirSync(edge)) {
      modules.set(`${copy}/${file}`, readFileSync(join(edge, file)))
    }
  }
  return modules
}

export async function startWorkerd(options: WorkerdOptions): Promise<Workerd> {
  const binary = findWorkerd()
  if (binary === undefined) throw new Error('workerd is not installed')
  const config = writeConfig(options)
  const child = spawn(binary, ['serve', '--control-fd=3', config], {
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
  })
  const ended = new Promise<string>((resolve) => {
    child.once('close', (code, signal) => resolve(signal ?? `code ${code}`))
  })
  const endWithUs = (): void => void child.kill('SIGKILL')
  process.once('exit', endWithUs)
  const port = await portOf(child, ended)
  return {
    url: `http://127.0.0.1:${port}`,
    kill: () => {
      process.off('exit', endWithUs)
      child.kill('SIGKILL')
      return ended
    },
  }
}

/** The port that it reports once it listens. */
function portOf(child: ChildProcess, ended: Promise<string>): Promise<number> {
  return new Promise((resolve, reject) => {
    let printed = ''
    const late = setTimeout(
      () => reject(new Error(`workerd does not start: ${printed}`)),
      START_MS_MAX,
    )
    for (const stream of child.stdio.slice(1)) {
      stream?.on('data', (chunk: Buffer) => {
        printed += chunk.toString()
        const port = /"event":"listen".*"port":(\d+)/.exec(printed)?.[1]
        if (port === undefined) return
        clearTimeout(late)
        resolve(Number(port))
      })
    }
    ended.then((how) => {
      clearTimeout(late)
      reject(new Error(`workerd ended with ${how}: ${printed}`))
    })
  })
}

function writeConfig(options: WorkerdOptions): string {
  const {
    program,
    modules,
    folder,
    classes = ['Tests', 'Actor'],
    compatibilityDate = NEWEST,
  } = options
  mkdirSync(join(folder, 'disk'), { recursive: true })
  writeFileSync(join(folder, 'main.js'), program)
  const names = ['main.js', ...modules.keys()]
  for (const [name, bytes] of modules) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), bytes)
  }
  const path = join(folder, 'config.capnp')
  writeFileSync(path, configOf({ names, disk: join(folder, 'disk'), classes, compatibilityDate }))
  return path
}

/** In the language of workerd.capnp, where `embed` is relative to this file. */
function configOf(parts: {
  readonly names: readonly string[]
  readonly disk: string
  readonly classes: readonly string[]
  readonly compatibilityDate: string
}): string {
  const { names, disk, classes, compatibilityDate } = parts
  const modules = names.map((it) => {
    const kind = it.endsWith('.wasm') ? 'wasm' : 'esModule'
    return `(name = "${it}", ${kind} = embed "${it}")`
  })
  const namespaces = classes.map(
    (it) => `(className = "${it}", uniqueKey = "${it.toLowerCase()}", enableSql = true)`,
  )
  const bindings = classes.map(
    (it) => `(name = "${it.toUpperCase()}", durableObjectNamespace = "${it}")`,
  )
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "main", worker = .worker),
    (name = "disk", disk = (path = ${JSON.stringify(disk)}, writable = true)),
    (name = "loopback", network = (allow = ["private"])),
  ],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")],
);
const worker :Workerd.Worker = (
  modules = [${modules.join(', ')}],
  compatibilityDate = "${compatibilityDate}",
  globalOutbound = "loopback",
  durableObjectNamespaces = [${namespaces.join(', ')}],
  durableObjectStorage = (localDisk = "disk"),
  bindings = [${bindings.join(', ')}],
);
`
}
