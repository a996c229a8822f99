/** demo/edge as its user has it: copied to a clean folder, wrangler installed by its lockfile and the package from
 *  the tarball, and what `wrangler deploy` would upload.
 *  Keeps: no network but the registry's; nothing of this repository is in the folder. */

import { execFile } from 'node:child_process'
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const DEMO = fileURLToPath(new URL('../../demo/edge', import.meta.url))
const INSTALL = ['--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline']
const run = promisify(execFile)

export type Upload = {
  /** Contents by the name under which the others import it. */
  readonly files: ReadonlyMap<string, Uint8Array>
  readonly main: string
  /** What wrangler printed. */
  readonly printed: string
}

export type Project = { readonly upload: Upload } | { readonly missing: string }

/** `missing` says why when the registry does not answer; any other failure is one. */
export async function makeProject(tarball: string): Promise<Project> {
  const folder = mkdtempSync(join(tmpdir(), 'constellite-edge-'))
  try {
    cpSync(DEMO, folder, { recursive: true, filter: (path) => !/node_modules|\bout\b/.test(path) })
    try {
      await call(folder, 'npm', 'ci', ...INSTALL)
      await call(folder, 'npm', 'install', ...INSTALL, tarball)
    } catch (error) {
      if (!isOffline(error)) throw error
      return { missing: 'the registry that has wrangler cannot be reached' }
    }
    const wrangler = join(folder, 'node_modules/wrangler/bin/wrangler.js')
    const dryRun = ['deploy', '--dry-run', '--outdir', 'out']
    const printed = await call(folder, process.execPath, wrangler, ...dryRun)
    return { upload: readUpload(join(folder, 'out'), printed) }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
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
