/** Asks an actor, an object that holds databases, over HTTP: test/workerd/actor.ts answers. */

import type { ActorCommand } from '../platform/actor-commands.ts'

/** Of what is not bytes. */
export const JSON_TYPE = 'application/json'

/** The body of a command. */
export type ActorBody = {
  readonly sql?: string
  readonly parameters?: readonly (string | number)[]
  /** Of the command `perform`. */
  readonly command?: ActorCommand
}

export type ActorClient = {
  /** What the command answers: bytes, or plain data whose bigints are decimal texts.  Throws what the object
   *  said. */
  ask(command: string, body?: ActorBody): Promise<unknown>
}

/** `url` is workerd's; `object` names one object, made when it is first asked. */
export function actorAt(url: string, object: string): ActorClient {
  return {
    ask: async (command, body = {}) => {
      const address = `${url}/actor/${object}/${command}`
      const response = await fetch(address, { method: 'POST', body: JSON.stringify(body) })
      if (!response.ok) {
        throw new Error(`${command} answered ${response.status}: ${await response.text()}`)
      }
      if (response.headers.get('content-type') === JSON_TYPE) return response.json()
      return new Uint8Array(await response.arrayBuffer())
    },
  }
}
