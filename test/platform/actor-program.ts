/** The program of an actor in Node, Deno, Bun and a page: asks the test's server for commands, one after
 *  another, until there are no more.  `control` and `actor` come with its address or its first argument. */

import { open } from 'constellite'
import { type ActorCommand, createPerformer } from './actor-commands.ts'

const given = new URLSearchParams(globalThis.location?.search ?? process.argv[2])
const control = given.get('control') ?? ''
const actor = given.get('actor') ?? ''
const perform = createPerformer(open)

// Waiting for a status, unlike waiting for a call, keeps no process alive.
const alive = setInterval(() => undefined, 1000)

for (;;) {
  const asked = await fetch(`${control}/next/${actor}`)
  if (asked.status === 204) continue
  if (!asked.ok) break
  // The server is the test's own.
  const { id, command } = (await asked.json()) as { id: string; command: ActorCommand }
  const answer = await perform(command).then(
    (value) => (value instanceof Uint8Array ? new Blob([new Uint8Array(value)]) : say({ value })),
    (error: unknown) => say({ error: String(error), stack: (error as Error)?.stack }),
  )
  await fetch(`${control}/answer/${id}`, { method: 'POST', body: answer })
}

clearInterval(alive)

function say(answer: object): string {
  return JSON.stringify(answer)
}
