/** A project as its user types it: the README's lines in a shell, in a folder of its own, with the tarball as
 *  `constellite` and everything else from the registry. */

import { execFile, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import { withoutNpm } from '../support/packed.ts'

const run = promisify(execFile)

/** What a user of these tools would not set: nothing runs at install, and nothing is asked for twice. */
const INSTALL = {
  npm_config_ignore_scripts: 'true',
  npm_config_prefer_offline: 'true',
  // By itself npm waits five minutes for an answer that does not come, and then asks again.
  npm_config_fetch_timeout: '60000',
  npm_config_audit: 'false',
  npm_config_fund: 'false',
  npm_config_update_notifier: 'false',
  NEXT_TELEMETRY_DISABLED: '1',
  NUXT_TELEMETRY_DISABLED: '1',
  WRANGLER_SEND_METRICS: 'false',
  NO_COLOR: '1',
}

export type Project = {
  readonly folder: string
  /** `missing` says why when the registry does not answer; any other failure of the lines is one. */
  readonly missing: string | undefined
  /** What the lines printed. */
  readonly printed: string
  /** Starts a command that serves; resolves when it prints its address. */
  serve(command: string): Promise<RunningServer>
  remove(): void
}

export type RunningServer = { readonly url: string; stop(): Promise<void> }

export type ProjectOptions = {
  readonly tarball: string
  readonly lines: string
  /** Folders of programs that the lines call, besides those on PATH. */
  readonly programs?: readonly string[]
}

export async function typeLines(options: ProjectOptions): Promise<Project> {
  const folder = mkdtempSync(join(tmpdir(), 'constellite-setup-'))
  const environment = environmentWith(options.programs ?? [], folder)
  const project = {
    folder,
    serve: (command: string) => startServer(command, folder, environment),
    remove: () => rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 }),
  }
  try {
    const lines = options.lines.replace('npm install constellite', `npm install ${options.tarball}`)
    const { stdout } = await run('sh', ['-ec', lines], {
      cwd: folder,
      env: environment,
      maxBuffer: 1 << 24,
    })
    return { ...project, missing: undefined, printed: stdout }
  } catch (error) {
    if (!isOffline(error)) {
      project.remove()
      throw error
    }
    return { ...project, missing: 'the registry that has it cannot be reached', printed: '' }
  }
}

function environmentWith(programs: readonly string[], folder: string): NodeJS.ProcessEnv {
  // What the test runner tells its tests is not for the tools of others.
  const kept = Object.entries(withoutNpm(process.env)).filter(
    ([name]) => !/^(NODE_ENV|VITE|DEV$|PROD$|SSR$|MODE$|BASE_URL$|TEST$)/.test(name),
  )
  const path = [...programs, process.env['PATH'] ?? ''].join(delimiter)
  // Logs and settings of tools stay in the folder.
  const own = { PATH: path, XDG_CONFIG_HOME: join(folder, '.config') }
  return { ...Object.fromEntries(kept), ...INSTALL, ...own }
}

async function startServer(
  command: string,
  folder: string,
  environment: NodeJS.ProcessEnv,
): Promise<RunningServer> {
  const port = await freePort()
  const child = spawn('sh', ['-c', command.replaceAll('$PORT', `${port}`)], {
    cwd: folder,
    env: { ...environment, PORT: `${port}`, HOST: '127.0.0.1' },
    stdio: ['ignore', 'pipe', 'pipe'],
    // A group of its own: what npx starts ends with it.
    detached: true,
  })
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()))
  const stop = async (): Promise<void> => {
    if (child.exitCode === null && child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
    await ended
  }
  let printed = ''
  const url = await new Promise<string>((resolve, reject) => {
    const read = (chunk: Buffer): void => {
      printed += chunk.toString()
      // By name: Next's development server takes no other host for its own.
      if (printed.includes(`:${port}`)) resolve(`http://localhost:${port}/`)
    }
    child.stdout.on('data', read)
    child.stderr.on('data', read)
    child.once('error', reject)
    void ended.then(() => reject(new Error(`${command} ended: ${printed}`)))
  })
  return { url, stop }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      const port = typeof address === 'object' ? (address?.port ?? 0) : 0
      server.close(() => resolve(port))
    })
  })
}

function isOffline(error: unknown): boolean {
  const said =
    error instanceof Error ? `${error.message} ${String(Reflect.get(error, 'stderr'))}` : ''
  return /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ERR_SOCKET_TIMEOUT|ENETUNREACH|EHOSTUNREACH/.test(
    said,
  )
}
