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
const TYPES: Readonly<Record<string, string>> = {
  '.js': 'text/javascript; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.wasm': 'application/wasm',
}
const PAGE = `<!doctype html><meta charset="utf-8"><title>actor</title>
<script type="importmap">{ "imports": { "constellite": "/browser/index.js" } }</script>
<script type="module" src="/actor.mjs"></script>`

/** `folders`: the bundled program lies in one, the package's files for browsers in the other. */
export function startControlServer(folders: {
  readonly program: string
  readonly browser: string
}): Promise<ControlServer> {
  const waiting: Told[] = []
  const under = new Map<string, Told>()
  const pollers = new Map<string, ServerResponse>()
  const failures = new Map<string, Error>()
  let isClosed = false
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
  const poll = (actor: string, response: ServerResponse): void => {
    if (isClosed) return void response.writeHead(410).end()
    pollers.set(actor, response)
    const timer = setTimeout(() => {
      if (pollers.get(actor) !== response) return
      pollers.delete(actor)
      response.writeHead(204).end()
    }, POLL_MS)
    response.once('close', () => clearTimeout(timer))
    handOut(actor)
  }
  const take = async (id: string, request: IncomingMessage): Promise<void> => {
    const told = under.get(id)
    under.delete(id)
    const body = await bytesOf(request)
    if (told?.command.do === 'export' && !body.toString('utf8', 0, 9).startsWith('{"error"')) {
      told.resolve(new Uint8Array(body))
      return
    }
    const { error, stack, value } = JSON.parse(body.toString())
    if (error === undefined) told?.resolve(value)
    else told?.reject(new Error(`${told.actor}, ${told.command.do}: ${error}\n${stack}`))
  }

  const server = createServer((request, response) => {
    const path = normalize((request.url ?? '/').split('?')[0] ?? '/')
    const [, verb = '', name = ''] = path.split('/')
    if (verb === 'next') poll(name, response)
    else if (verb === 'answer') void take(name, request).then(() => response.end())
    else if (verb === 'page') response.writeHead(200, { 'content-type': 'text/html' }).end(PAGE)
    else if (verb === 'browser') serveFile(join(folders.browser, path.slice(9)), response)
    else serveFile(join(folders.program, path), response)
  })
  const close = (): Promise<void> => {
    isClosed = true
    for (const response of pollers.values()) response.writeHead(410).end()
    return new Promise((resolve) => {
      server.close(() => resolve())
      server.closeIdleConnections()
    })
  }
  const tell = (actor: string, command: ActorCommand): Promise<unknown> =>
    new Promise((resolve, reject) => {
      const failure = failures.get(actor)
      if (failure !== undefined) return reject(failure)
      waiting.push({ id: String(++count), actor, command, resolve, reject })
      handOut(actor)
    })
  const fail = (actor: string, error: Error): void => {
    failures.set(actor, error)
    for (const told of [...waiting, ...under.values()]) if (told.actor === actor) told.reject(error)
  }
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      // A listening TCP server has a port.
      const { port } = server.address() as AddressInfo
      resolve({ url: `http://127.0.0.1:${port}`, tell, fail, close })
    })
  })
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
