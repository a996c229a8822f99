/** The relay on Cloudflare Workers: the Worker that finds a path's object, and the object's class.
 *  Needs in the Worker's configuration: a binding `RELAY` of the class `RelayObject`, named under
 *  `new_sqlite_classes`, and the variable `ALLOW` (demo/edge/wrangler.jsonc).
 *  Not run against the real cloud: tested under the `workerd` binary and bundled by wrangler. */

import type { HttpResponse } from '../base/globals.ts'
import {
  createRelayObject,
  type ObjectRequest,
  type RelayContext,
  type RelayObjectCore,
  responseOf,
} from '../relay/object.ts'
import { refusalOf, textPage } from '../relay/pages.ts'
import { routeOf } from '../relay/route.ts'
import type { ObjectWebSocket } from '../transport/websocket-object.ts'
import { createWorkerdHost } from './host-workerd.ts'

export type RelayEnvironment = {
  /** `*`, or the shard ids and public keys that the relay takes, separated by spaces or commas. */
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
      // Shown by `wrangler tail`.
      onFailure: ({ code, message }) => console.error(`${code}: ${message}`),
    })
  }

  fetch(request: ObjectRequest): Promise<HttpResponse> {
    return this.#core.fetch(request)
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
