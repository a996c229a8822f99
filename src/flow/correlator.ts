/** Correlator: the typed face of the call registry for one kind of request: `send` and `receive`, one
 *  timeout, ids of its own making.
 *  Keeps: an id is 16 random bytes, so nobody can answer a call whose id they did not see. */

import type { Signal } from '../base/globals.ts'
import type { Host } from '../base/host.ts'
import { formatHex } from '../bytes/text.ts'
import { CallRegistry, type CallRegistryOptions } from './call-registry.ts'
import { HeldBase } from './held.ts'

const ID_BYTES = 16

export type CorrelatorOptions<Request, Response> = Omit<
  CallRegistryOptions<Response>,
  'timeoutMessage'
> & {
  /** Puts a request under its id on the way. */
  emit(id: string, request: Request): void | Promise<void>
}

export type SendTerms = { readonly addressee?: string; readonly signal?: Signal }

export class Correlator<Request, Response> extends HeldBase {
  readonly #host: Host
  readonly #emit: CorrelatorOptions<Request, Response>['emit']
  readonly #registry: CallRegistry<Response>

  constructor(options: CorrelatorOptions<Request, Response>) {
    super()
    this.#host = options.host
    this.#emit = (id, request) => options.emit(id, request)
    this.#registry = new CallRegistry({ ...options, timeoutMessage: 'The request timed out.' })
  }

  get pendingCount(): number {
    return this.#registry.pendingCount
  }

  send(request: Request, terms: SendTerms = {}): Promise<Response> {
    const id = formatHex(this.#host.random(ID_BYTES))
    return this.#registry.call({ ...terms, id, emit: () => this.#emit(id, request) })
  }

  /** True when a request waited for this response. */
  receive(inReplyTo: string, response: Response, responder?: string): boolean {
    return this.#registry.resolve(inReplyTo, response, responder)
  }

  override dispose(): void {
    this.#registry.dispose()
  }
}
