/** The Worker that the tests of this folder talk to over HTTP: `/tests/<object>` runs the bundled test files
 *  inside an object and answers their report; `/actor/<object>/<command>` has an object do something. */

import { files } from '#files'
import type { ObjectContext } from '../../src/platform/workerd.ts'
import { runAll } from '../support/portable/run.ts'
import { createActor } from './actor.ts'
import { type ServerSocket, setHere } from './here.ts'

/** What of workerd's own types is used. */
type Namespace = {
  idFromName(name: string): unknown
  get(id: unknown): { fetch(request: Request): Promise<Response> }
}
type Environment = { readonly TESTS: Namespace; readonly ACTOR: Namespace }
declare class WebSocketPair {
  readonly 0: WebSocket
  readonly 1: ServerSocket & { accept(): void }
}

export class Tests {
  readonly #ctx: ObjectContext
  readonly #sockets: ServerSocket[] = []
  readonly #takers: ((socket: ServerSocket) => void)[] = []

  constructor(ctx: ObjectContext) {
    this.#ctx = ctx
  }

  async fetch(request: Request): Promise<Response> {
    if (request.headers.get('Upgrade') === 'websocket') return this.#accept()
    setHere({
      ctx: this.#ctx,
      socketUrl: request.url.replace(/^http/, 'ws'),
      accept: () => {
        const socket = this.#sockets.shift()
        if (socket !== undefined) return Promise.resolve(socket)
        return new Promise((resolve) => this.#takers.push(resolve))
      },
    })
    const report = await runAll({ files, provided: await request.json(), watchUncaught })
    return Response.json(report)
  }

  #accept(): Response {
    const { 0: client, 1: server } = new WebSocketPair()
    server.accept()
    const taker = this.#takers.shift()
    if (taker === undefined) this.#sockets.push(server)
    else taker(server)
    // The member `webSocket` is workerd's.
    return new Response(null, { status: 101, webSocket: client } as ResponseInit)
  }
}

export class Actor {
  readonly #answer: (request: Request) => Promise<Response>

  constructor(ctx: ObjectContext) {
    this.#answer = createActor(ctx)
  }

  fetch(request: Request): Promise<Response> {
    return this.#answer(request)
  }
}

function watchUncaught(onError: (error: unknown) => void): () => void {
  const listen = (event: PromiseRejectionEvent): void => onError(event.reason)
  addEventListener('unhandledrejection', listen)
  return () => removeEventListener('unhandledrejection', listen)
}

// biome-ignore lint/style/noDefaultExport: workerd looks for the Worker there
export default {
  fetch(request: Request, { TESTS, ACTOR }: Environment): Promise<Response> {
    const [, kind = '', name = ''] = new URL(request.url).pathname.split('/')
    const space = kind === 'tests' ? TESTS : ACTOR
    return space.get(space.idFromName(name)).fetch(request)
  },
}
