/** The uploaded Worker under the `workerd` binary, on one port and one disk over any number of its lives.
 *  Not production: no limit of the cloud is enforced here, and the disk's word is taken for a confirmed
 *  write. */

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { findWorkerd } from '../workerd/serve.ts'
import type { Upload } from './project.ts'

const START_MS_MAX = 20_000

export type EdgeRelay = {
  readonly host: string
  start(): Promise<void>
  /** Ends it without warning, and answers the signal that did. */
  kill(): Promise<string>
  /** Kills it and removes its disk. */
  remove(): Promise<void>
  fetch(path: string): Promise<{ readonly status: number; readonly text: string }>
  /** The page `/health` of the relay at `path`. */
  health(path?: string): Promise<Health>
}

export type Health = {
  readonly ok: boolean
  readonly connections: number
  readonly shards: number
  readonly counters: Readonly<Record<string, number>>
  readonly startedAtMs: number
}

/** `allow` is the variable ALLOW. */
export async function createEdgeRelay(upload: Upload, allow: string): Promise<EdgeRelay> {
  const folder = mkdtempSync(join(tmpdir(), 'constellite-workerd-'))
  const port = await freePort()
  const host = `127.0.0.1:${port}`
  const config = writeConfig(folder, upload, { host, allow })
  let child: ChildProcess | undefined
  const ask = async (path: string): Promise<{ status: number; text: string }> => {
    const response = await fetch(`http://${host}${path}`)
    return { status: response.status, text: await response.text() }
  }
  const kill = async (): Promise<string> => {
    if (child === undefined) return 'none'
    const ended = once(child, 'close')
    child.kill('SIGKILL')
    child = undefined
    const [code, signal] = await ended
    return signal ?? `code ${code}`
  }
  return {
    host,
    async start() {
      child = spawn(binary(), ['serve', config], { stdio: ['ignore', 'pipe', 'pipe'] })
      await answering(child, () => ask('/'))
    },
    kill,
    async remove() {
      await kill()
      rmSync(folder, { recursive: true, force: true })
    },
    fetch: ask,
    async health(path = '') {
      return JSON.parse((await ask(`${path}/health`)).text) as Health
    },
  }
}

function binary(): string {
  const found = findWorkerd()
  if (found === undefined) throw new Error('workerd is not installed')
  return found
}

async function answering(child: ChildProcess, ask: () => Promise<unknown>): Promise<void> {
  let printed = ''
  let isOver = false
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk: Buffer) => {
      printed += chunk.toString()
    })
  }
  child.once('close', () => {
    isOver = true
  })
  for (let waitedMs = 0; waitedMs < START_MS_MAX && !isOver; waitedMs += 50) {
    if (await ask().catch(() => undefined)) return
    await delay(50)
  }
  throw new Error(`workerd does not serve: ${printed}`)
}

/** In the language of workerd.capnp, where `embed` is relative to this file. */
function writeConfig(
  folder: string,
  { files, main }: Upload,
  { host, allow }: { readonly host: string; readonly allow: string },
): string {
  mkdirSync(join(folder, 'disk'))
  for (const [name, bytes] of files) writeFileSync(join(folder, name), bytes)
  // The first one is the Worker.
  const names = [main, ...[...files.keys()].filter((name) => name !== main)]
  const modules = names.map((name) => {
    const kind = name.endsWith('.wasm') ? 'wasm' : 'esModule'
    return `(name = "${name}", ${kind} = embed "${name}")`
  })
  const path = join(folder, 'config.capnp')
  writeFileSync(
    path,
    `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "main", worker = .worker),
    (name = "disk", disk = (path = ${JSON.stringify(join(folder, 'disk'))}, writable = true)),
  ],
  sockets = [(name = "http", address = "${host}", http = (), service = "main")],
);
const worker :Workerd.Worker = (
  modules = [
    ${modules.join(',\n    ')}
  ],
  compatibilityDate = "2026-04-01",
  durableObjectNamespaces = [
    (className = "RelayObject", uniqueKey = "relay", enableSql = true),
  ],
  durableObjectStorage = (localDisk = "disk"),
  bindings = [
    (name = "RELAY", durableObjectNamespace = "RelayObject"),
    (name = "ALLOW", text = ${JSON.stringify(allow)}),
  ],
);
`,
  )
  return path
}

async function freePort(): Promise<number> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}
