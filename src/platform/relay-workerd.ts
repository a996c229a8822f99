/** The relay on Cloudflare Workers: the Worker that finds a path's object, and the object's class.
 *  Needs in the Worker's configuration: a binding `RELAY` of the class `RelayObject`, named under
 *  `new_sqlite_classes`, and the variable `ALLOW` (demo/edge/wrangler.jsonc).
 *  Not run against the real cloud: tested under the `workerd` binary and bundled by wrangler. */

import type { HttpResponse } from '../base/globals.ts'
import { loadKernel } from '../crypto/kernel-load-workerd.ts'
import { useKernel } from '../crypto/kernel-slot.ts'
import {
  createRelayObject,
  type ObjectRequest,
  type RelayContext,
  type RelayObjectCore,
} from '../relay/object.ts'
import { type Page, refusalOf, textPage } from '../relay/pages.ts'
import { routeOf } from '../relay/route.ts'
import type { ObjectWebSocket } from '../transport/websocket-object.ts'
import { createWorkerdHost } from './host-workerd.ts'

/** Of workerd; its Response takes one of the two sockets. */
declare const WebSocketPair: new () => { readonly 0: ObjectWebSocket; readonly 1: ObjectWebSocket }

export type RelayEnvironment = {
  /** `*`, or the shard ids and public keys of authors that the relay takes, separated by spaces or commas. */
  readonly ALLOW?: string
  readonly RELAY: {
    idFromName(name: string): object
    get(id: object): { fetch(request: ObjectRequest): Promise<HttpResponse> }
  }
}

export type RelayWorker = {
  fetch(request: ObjectRequest, environment: RelayEnvironment): Promise<HttpResponse>
}

export const relayWorker: RelayWorker = {
  async fetch(request, { ALLOW, RELAY }) {
    const refusal = refusalOf(ALLOW)
    if (refusal !== undefined) return responseOf(refusal)
    const route = routeOf(new URL(request.url).pathname)
    if (route === undefined) return responseOf(textPage(404, 'No relay has this path.\n'))
    return RELAY.get(RELAY.idFromName(route.relay)).fetch(request)
  },
}

/** A class, because the platform makes the object. */
export class RelayObject {
  readonly #core: RelayObjectCore

  constructor(ctx: RelayContext, environment: Pick<RelayEnvironment, 'ALLOW'>) {
    this.#core = createRelayObject(ctx, {
      host: createWorkerdHost(),
      allow: environment.ALLOW,
      prepare: async () => useKernel(await loadKernel()),
      // Shown by `wrangler tail`.
      onFailure: ({ code, message }) => console.error(`${code}: ${message}`),
    })
  }

  async fetch(request: ObjectRequest): Promise<HttpResponse> {
    const answer = await this.#core.answer(request)
    if (answer !== 'upgrade') return responseOf(answer)
    const { 0: client, 1: server } = new WebSocketPair()
    await this.#core.accept(server, request)
    const init = { status: 101, webSocket: client }
    // The platform's own ResponseInit has it.
    return new Response(null, init as ResponseInit)
  }

  webSocketMessage(webSocket: ObjectWebSocket, message: ArrayBuffer | string): void {
    this.#core.onMessage(webSocket, message)
  }

  webSocketClose(webSocket: ObjectWebSocket, code: number, reason: string): void {
    this.#core.onClose(webSocket, code, reason)
  }

  webSocketError(webSocket: ObjectWebSocket): void {
    this.#core.onClose(webSocket, 1006, '')
  }
}

function responseOf({ status, headers, text }: Page): HttpResponse {
  return new Response(text, { status, headers: { ...headers } })
}
