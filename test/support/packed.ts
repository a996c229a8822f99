/** The package as a stranger gets it: built, packed, and the tarball installed in a clean folder.
 *  Keeps: what runs against it never sees the sources (a syntax that Node 20 cannot parse, a file that is
 *  not shipped and a wrong export stay invisible otherwise).
 *  The runner makes it once and names it in CONSTELLITE_PACKED; a suite run alone makes its own. */

import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const run = promisify(execFile)

export type Packed = {
  /** A project whose only dependency is the tarball. */
  readonly project: string
  readonly tarball: string
}

export function packedAt(folder: string): Packed {
  const tarball = readdirSync(folder).find((name) => name.endsWith('.tgz'))
  if (tarball === undefined) throw new Error(`no tarball in ${folder}`)
  return { project: join(folder, 'project'), tarball: join(folder, tarball) }
}

/** Packs what `npm run build` has built. */
export async function pack(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'constellite-packed-'))
  await npm(['pack', '--ignore-scripts', '--pack-destination', folder], ROOT)
  const project = join(folder, 'project')
  mkdirSync(project)
  await installInto(project, [packedAt(folder).tarball])
  return folder
}

/** Makes `project` a project and installs packages into it. */
export async function installInto(project: string, packages: readonly string[]): Promise<void> {
  mkdirSync(project, { recursive: true })
  const manifest = { name: 'stranger', private: true, type: 'module' }
  writeFileSync(join(project, 'package.json'), JSON.stringify(manifest))
  await npm(['install', '--prefer-offline', '--no-audit', '--no-fund', ...packages], project)
}

async function npm(parameters: readonly string[], cwd: string): Promise<void> {
  await run('npm', [...parameters], { cwd, env: withoutNpm(process.env) })
}

/** Without what an outer `npm run` leaves behind, which would point npm back at the repository. */
export function withoutNpm(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const kept = Object.entries(environment).filter(
    ([name]) => !/^npm_(package|lifecycle|execpath|command|config_local_prefix)/i.test(name),
  )
  return Object.fromEntries(kept)
}

let making: Promise<string> | undefined

/** The packed folder of this run; removed at exit unless the runner gave it. */
export function packedFolder(): Promise<string> {
  const given = process.env['CONSTELLITE_PACKED']
  if (given !== undefined) return Promise.resolve(given)
  making ??= build()
    .then(pack)
    .then((folder) => {
      process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
      return folder
    })
  return making
}

async function build(): Promise<void> {
  await run('npm', ['run', '--silent', 'build'], { cwd: ROOT, env: withoutNpm(process.env) })
}
