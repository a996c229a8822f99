/** Asks an actor, an object that holds one database, over HTTP: test/workerd/actor.ts answers. */

import type { ActorBody } from './actor.ts'

export type ActorClient = {
  /** What the command answers, whose bigints are decimal texts; throws what the object said. */
  ask(command: string, body?: ActorBody): Promise<unknown>
  exportFile(): Promise<Uint8Array>
}

/** `url` is workerd's; `object` names one object, made when it is first asked. */
export function actorAt(url: string, object: string): ActorClient {
  const post = async (command: string, body: ActorBody = {}): Promise<Response> => {
    const address = `${url}/actor/${object}/${command}`
    const response = await fetch(address, { method: 'POST', body: JSON.stringify(body) })
    if (response.ok) return response
    throw new Error(`${command} answered ${response.status}: ${await response.text()}`)
  }
  return {
    ask: async (command, body) => (await post(command, body)).json(),
    exportFile: async () => new Uint8Array(await (await post('export')).arrayBuffer()),
  }
}
