/** demo/edge as its user has it: copied to a clean folder, wrangler installed by its lockfile and the package from
 *  the tarball, and what `wrangler deploy` would upload.
 *  Keeps: no network but the registry's; nothing of this repository is in the folder. */

import { execFile } from 'node:child_process'
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const DEMO = fileURLToPath(new URL('../../demo/edge', import.meta.url))
const DRY_RUN = ['deploy', '--dry-run', '--outdir', 'out']
const run = promisify(execFile)

export type Upload = {
  /** Contents by the name under which the others import it. */
  readonly files: ReadonlyMap<string, Uint8Array>
  readonly main: string
  /** What wrangler printed. */
  readonly printed: string
}

/** A program that exports one class. */
export type Objects = { readonly program: string; readonly className: string }

export type Project =
  | {
      readonly upload: Upload
      /** Of a Worker with the objects that `makeProject` was given. */
      readonly objects: Upload
      /** Runs the lines of a shell in a new folder, with the tarball as `constellite`.  What the project has
       *  installed is there already, which spares unpacking it a second time. */
      runLines(lines: string): Promise<Upload>
      remove(): void
    }
  | { readonly missing: string }

/** `missing` says why when the registry does not answer; any other failure is one. */
export async function makeProject(tarball: string, objects: Objects): Promise<Project> {
  const folder = mkdtempSync(join(tmpdir(), 'constellite-edge-'))
  const remove = (): void => rmSync(folder, { recursive: true, force: true })
  const project = join(folder, 'project')
  try {
    cpSync(DEMO, project, { recursive: true, filter: (path) => !/node_modules|\bout\b/.test(path) })
    await call(project, 'npm', 'ci')
    await call(project, 'npm', 'install', tarball)
    const printed = await call(project, 'npx', 'wrangler', ...DRY_RUN)
    return {
      upload: readUpload(join(project, 'out'), printed),
      objects: await bundleObjects(project, objects),
      runLines: (lines) =>
        runLines(folder, lines.replace('install constellite', `install ${tarball}`)),
      remove,
    }
  } catch (error) {
    remove()
    if (!isOffline(error)) throw error
    return { missing: 'the registry that has wrangler cannot be reached' }
  }
}

async function bundleObjects(project: string, { program, className }: Objects): Promise<Upload> {
  const binding = { name: className.toUpperCase(), class_name: className }
  const settings = {
    name: 'my-objects',
    main: 'index.js',
    compatibility_date: '2026-04-01',
    durable_objects: { bindings: [binding] },
    migrations: [{ tag: 'v1', new_sqlite_classes: [className] }],
  }
  const folder = join(project, 'objects')
  mkdirSync(folder)
  writeFileSync(join(folder, 'index.js'), program)
  writeFileSync(join(folder, 'wrangler.json'), JSON.stringify(settings))
  // The output's place is relative to the settings.
  const config = ['--config', 'objects/wrangler.json', '--outdir', 'out']
  const printed = await call(project, 'npx', 'wrangler', 'deploy', '--dry-run', ...config)
  return readUpload(join(folder, 'out'), printed)
}

async function runLines(folder: string, lines: string): Promise<Upload> {
  const made = join(folder, 'my-relay')
  mkdirSync(made)
  renameSync(join(folder, 'project/node_modules'), join(made, 'node_modules'))
  const printed = await call(made, 'sh', '-ec', lines)
  return readUpload(join(made, 'out'), printed)
}

/** The same from the package alone, for where wrangler cannot be had. */
export function uploadOfPackage(project: string): Upload {
  const folder = join(project, 'node_modules/constellite/dist/edge')
  const names = ['relay.js', 'kernel.wasm']
  const files = new Map(names.map((name) => [name, readFileSync(join(folder, name))]))
  return { files, main: 'relay.js', printed: '' }
}

function readUpload(folder: string, printed: string): Upload {
  const names = readdirSync(folder).filter((name) => /\.(js|wasm)$/.test(name))
  const files = new Map(names.map((name) => [name, readFileSync(join(folder, name))]))
  return { files, main: 'index.js', printed }
}

async function call(cwd: string, program: string, ...parameters: string[]): Promise<string> {
  const { stdout, stderr } = await run(program, parameters, {
    cwd,
    env: {
      ...withoutNpm(process.env),
      WRANGLER_SEND_METRICS: 'false',
      npm_config_prefer_offline: 'true',
      npm_config_audit: 'false',
      // Its logs and settings stay in the folder.
      XDG_CONFIG_HOME: join(cwd, '.config'),
      NO_COLOR: '1',
    },
  })
  return stdout + stderr
}

/** Without what an outer `npm run` leaves behind, which would point npm back at the repository. */
function withoutNpm(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const kept = Object.entries(environment).filter(
    ([name]) => !/^npm_(package|lifecycle|execpath|command|config_local_prefix)/i.test(name),
  )
  return Object.fromEntries(kept)
}

function isOffline(error: unknown): boolean {
  const said =
    error instanceof Error ? `${error.message} ${String(Reflect.get(error, 'stderr'))}` : ''
  return /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH/.test(said)
}
