/** An object that opens a database in its constructor, as users' objects do, and does what HTTP asks of it:
 *  statements on that database, and the commands of a matrix run's actor on others. */

import { open } from '#edge'
import type { ObjectContext } from '../../src/platform/workerd.ts'
import { createPerformer } from '../platform/actor-commands.ts'
import { type ActorBody, JSON_TYPE } from './client.ts'

const MIGRATIONS = ['CREATE TABLE note (id INTEGER PRIMARY KEY, body TEXT)']

type Command = (body: ActorBody) => unknown

export function createActor(ctx: ObjectContext): (request: Request) => Promise<Response> {
  const db = open(ctx, 'notes', { migrations: MIGRATIONS })
  /** Another one after the object was evicted. */
  let life: string | undefined
  const perform = createPerformer((name, options) => open(ctx, name, options))
  const commands: Readonly<Record<string, Command>> = {
    run: ({ sql = '', parameters = [] }) => db.run(sql, parameters),
    all: ({ sql = '', parameters = [] }) => db.all(sql, parameters),
    status: () => db.status,
    life: () => {
      life ??= crypto.randomUUID()
      return life
    },
    verify: () => db.verify(),
    perform: ({ command }) => {
      if (command === undefined) throw new Error('perform takes a command')
      return perform(command)
    },
  }
  return async (request) => {
    const command = commands[new URL(request.url).pathname.split('/')[3] ?? '']
    if (command === undefined) return new Response('no such command', { status: 404 })
    try {
      const answer = await command(await request.json())
      // Bytes of an exported file, in an array of their own.
      if (answer instanceof Uint8Array) return new Response(answer as Uint8Array<ArrayBuffer>)
      return new Response(plain(answer), { headers: { 'content-type': JSON_TYPE } })
    } catch (error) {
      return new Response(plain(described(error)), { status: 500 })
    }
  }
}

function described(error: unknown): unknown {
  if (!(error instanceof Error)) return String(error)
  const { code, facts } = error as { code?: unknown; facts?: unknown }
  return { code, facts, stack: error.stack }
}

/** JSON, in which a bigint is a decimal text and bytes are a list of numbers. */
function plain(value: unknown): string {
  const text = JSON.stringify(value, (_, it) => {
    if (typeof it === 'bigint') return String(it)
    return it instanceof Uint8Array ? [...it] : it
  })
  return text ?? 'null'
}
