/** An object that opens a database in its constructor, as users' objects do, and does what HTTP asks of it.
 *  The database is opened anew where a command says how. */

import { follow, type OpeningDatabase, type OpenOptions, open, publish, websocket } from '#edge'
import type { ObjectContext } from '../../src/platform/workerd.ts'

/** The body of a command. */
export type ActorBody = {
  readonly sql?: string
  readonly parameters?: readonly (string | number)[]
  readonly relay?: string
  readonly address?: string
  readonly seq?: string
}

export const MIGRATIONS: readonly string[] = [
  'CREATE TABLE note (id INTEGER PRIMARY KEY, body TEXT)',
]

type Command = (body: ActorBody) => unknown

export function createActor(ctx: ObjectContext): (request: Request) => Promise<Response> {
  let db: OpeningDatabase = open(ctx, 'notes', { migrations: MIGRATIONS })
  const reopen = async (options: OpenOptions): Promise<unknown> => {
    await db.close()
    db = open(ctx, 'notes', options)
    return db.ready
  }
  const commands: Readonly<Record<string, Command>> = {
    run: ({ sql = '', parameters = [] }) => db.run(sql, parameters),
    all: ({ sql = '', parameters = [] }) => db.all(sql, parameters),
    write: ({ relay = '' }) =>
      reopen({ migrations: MIGRATIONS, sync: publish({ via: [websocket(relay)] }) }),
    follow: ({ address = '' }) => reopen({ sync: follow(address) }),
    ready: () => db.ready,
    status: () => db.status,
    shared: () => db.until('shared'),
    arrived: ({ seq = '0' }) => arrived(db, BigInt(seq)),
    verify: () => db.verify(),
    export: () => db.export(),
    close: () => db.close(),
  }
  return async (request) => {
    const command = commands[new URL(request.url).pathname.split('/')[3] ?? '']
    if (command === undefined) return new Response('no such command', { status: 404 })
    try {
      const answer = await command(await request.json())
      return answer instanceof Blob ? new Response(answer) : new Response(plain(answer))
    } catch (error) {
      return new Response(plain(described(error)), { status: 500 })
    }
  }
}

/** Resolves when the copy has come to the position `seq`. */
function arrived(db: OpeningDatabase, seq: bigint): Promise<void> {
  return new Promise((resolve, reject) => {
    const look = (): void => {
      if (db.status.failure !== undefined) reject(db.status.failure)
      else if (db.status.seq >= seq) resolve()
      else return
      stop()
    }
    const stop = db.onStatus(() => look())
    look()
  })
}

function described(error: unknown): unknown {
  const { message, code, facts, stack } = error as Record<string, unknown>
  return { message, code, facts, stack }
}

/** JSON, in which a bigint is a decimal text and bytes are a list of numbers. */
function plain(value: unknown): string {
  const text = JSON.stringify(value, (_, it) => {
    if (typeof it === 'bigint') return String(it)
    return it instanceof Uint8Array ? [...it] : it
  })
  return text ?? 'null'
}
