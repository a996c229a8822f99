/** The server of a matrix run: hands actors their commands, takes their answers, and serves pages with the
 *  actor's program and the package.
 *  Keeps: an actor has one command at a time; one whose program ends fails what it was told. */

import { createReadStream, statSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { extname, join, normalize } from 'node:path'
import type { ActorCommand } from './actor-commands.ts'

export type ControlServer = {
  readonly url: string
  /** Resolves with the answer: bytes, or plain data. */
  tell(actor: string, command: ActorCommand): Promise<unknown>
  /** Every command of this actor fails with `error`, those it has and those to come. */
  fail(actor: string, error: Error): void
  /** Ends every actor's program and the server. */
  close(): Promise<void>
}

type Told = {
  readonly id: string
  readonly actor: string
  readonly command: ActorCommand
  resolve(answer: unknown): void
  reject(error: Error): void
}

/** Shorter than any client's patience. */
const POLL_MS = 20_000
/** How a failure's JSON begins, and no SQLite file. */
const FAILURE = '{"error"'
const TYPES: Readonly<Record<string, string>> = {
  '.js': 'text/javascript; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.wasm': 'application/wasm',
}
const PAGE = `<!doctype html><meta charset="utf-8"><title>actor</title>
<script type="importmap">{ "imports": { "constellite": "/browser/index.js" } }</script>
<script type="module" src="/actor.mjs"></script>`

type Folders = {
  /** The bundled program lies here. */
  readonly program: string
  /** The package's files for browsers. */
  readonly browser: string
}

export function startControlServer(folders: Folders): Promise<ControlServer> {
  const orders = createOrders()
  const server = createServer((request, response) => {
    const path = normalize((request.url ?? '/').split('?')[0] ?? '/')
    const [, verb = '', name = ''] = path.split('/')
    if (verb === 'next') orders.poll(name, response)
    else if (verb === 'answer') void orders.take(name, request).then(() => response.end())
    else if (verb === 'page') response.writeHead(200, { 'content-type': 'text/html' }).end(PAGE)
    else if (verb === 'browser') serveFile(join(folders.browser, path.slice(9)), response)
    else serveFile(join(folders.program, path), response)
  })
  const close = (): Promise<void> => {
    orders.end()
    return new Promise((resolve) => {
      server.close(() => resolve())
      server.closeIdleConnections()
    })
  }
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      // A listening TCP server has a port.
      const { port } = server.address() as AddressInfo
      const { tell, fail } = orders
      resolve({ url: `http://127.0.0.1:${port}`, tell, fail, close })
    })
  })
}

type Orders = Pick<ControlServer, 'tell' | 'fail'> & {
  /** An actor asks what to do. */
  poll(actor: string, response: ServerResponse): void
  /** An actor says how that went. */
  take(id: string, request: IncomingMessage): Promise<void>
  end(): void
}

function createOrders(): Orders {
  const waiting: Told[] = []
  const under = new Map<string, Told>()
  const pollers = new Map<string, ServerResponse>()
  const failures = new Map<string, Error>()
  let isEnded = false
  let count = 0

  const handOut = (actor: string): void => {
    const response = pollers.get(actor)
    const index = waiting.findIndex((it) => it.actor === actor)
    const told = waiting[index]
    if (response === undefined || told === undefined) return
    waiting.splice(index, 1)
    pollers.delete(actor)
    under.set(told.id, told)
    response.writeHead(200, { 'content-type': 'application/json' })
    response.end(JSON.stringify({ id: told.id, command: told.command }))
  }
  return {
    tell: (actor, command) =>
      new Promise((resolve, reject) => {
        const failure = failures.get(actor)
        if (failure !== undefined) return reject(failure)
        waiting.push({ id: String(++count), actor, command, resolve, reject })
        handOut(actor)
      }),
    fail: (actor, error) => {
      failures.set(actor, error)
      const told = [...waiting, ...under.values()].filter((it) => it.actor === actor)
      for (const { reject } of told) reject(error)
    },
    poll: (actor, response) => {
      if (isEnded) return void response.writeHead(410).end()
      pollers.set(actor, response)
      const timer = setTimeout(() => {
        if (pollers.get(actor) !== response) return
        pollers.delete(actor)
        response.writeHead(204).end()
      }, POLL_MS)
      response.once('close', () => clearTimeout(timer))
      handOut(actor)
    },
    take: async (id, request) => {
      const told = under.get(id)
      under.delete(id)
      if (told !== undefined) settle(told, await bytesOf(request))
    },
    end: () => {
      isEnded = true
      for (const response of pollers.values()) response.writeHead(410).end()
    },
  }
}

function settle({ actor, command, resolve, reject }: Told, body: Buffer): void {
  const isFailure = body.toString('utf8', 0, FAILURE.length) === FAILURE
  if (command.do === 'export' && !isFailure) {
    resolve(new Uint8Array(body))
    return
  }
  const { error, stack, value } = JSON.parse(body.toString())
  if (error === undefined) resolve(value)
  else reject(new Error(`${actor}, ${command.do}: ${error}\n${stack}`))
}

async function bytesOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk)
  return Buffer.concat(chunks)
}

function serveFile(path: string, response: ServerResponse): void {
  if (statSync(path, { throwIfNoEntry: false })?.isFile() !== true) {
    response.writeHead(404).end()
    return
  }
  const type = TYPES[extname(path)] ?? 'application/octet-stream'
  response.writeHead(200, { 'content-type': type })
  createReadStream(path).pipe(response)
}
