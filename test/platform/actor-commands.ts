/** What an actor does when it is told to: the same commands in every runtime, as plain data.
 *  Keeps: only what the package exports is used. */

import type { Database, OpeningDatabase, OpenOptions } from 'constellite'
import { follow, publish, websocket } from 'constellite'
import { MIGRATIONS, work } from './workload.ts'

export type ActorCommand =
  /** Opens a writer that publishes through the relay; answers `Opened`. */
  | { readonly do: 'open'; readonly name: string; readonly relay: string }
  /** Writes the whole workload and waits until the relay has signed for it; answers `Stood`. */
  | { readonly do: 'work'; readonly name: string }
  | { readonly do: 'follow'; readonly name: string; readonly address: string }
  /** Waits until the copy is at `seq`; fails when it halts. */
  | { readonly do: 'arrive'; readonly name: string; readonly seq: string }
  /** Answers `Verified`. */
  | { readonly do: 'verify'; readonly name: string }
  /** Answers the bytes of the file. */
  | { readonly do: 'export'; readonly name: string }
  | { readonly do: 'close'; readonly name: string }

export type Opened = { readonly address: string }
export type Stood = { readonly seq: string }
export type Verified = { readonly ok: boolean; readonly root: string; readonly seq: string }

/** `open` of the package, or what takes its place where databases are opened otherwise. */
export type OpenNamed = (name: string, options: OpenOptions) => OpeningDatabase

/** Bytes for `export`, plain data for all others. */
export type Perform = (command: ActorCommand) => Promise<unknown>

export function createPerformer(open: OpenNamed): Perform {
  const databases = new Map<string, Database>()
  const named = (name: string): Database => {
    const db = databases.get(name)
    if (db === undefined) throw new Error(`"${name}" is not open here`)
    return db
  }
  return async (command) => {
    const { name } = command
    switch (command.do) {
      case 'open': {
        const sync = publish({ via: [websocket(command.relay)] })
        const opening = open(name, { migrations: MIGRATIONS, sync })
        databases.set(name, opening)
        return { address: (await opening.ready).address } satisfies Opened
      }
      case 'work': {
        await work(named(name))
        await named(name).until('shared')
        return { seq: String(named(name).status.seq) } satisfies Stood
      }
      case 'follow': {
        const opening = open(name, { sync: follow(command.address) })
        databases.set(name, opening)
        await opening.ready
        return undefined
      }
      case 'arrive':
        return arrive(named(name), BigInt(command.seq))
      case 'verify': {
        const { ok, root } = await named(name).verify()
        return { ok, root, seq: String(named(name).status.seq) } satisfies Verified
      }
      case 'export':
        return new Uint8Array(await (await named(name).export()).arrayBuffer())
      case 'close':
        await named(name).close()
        databases.delete(name)
        return undefined
    }
  }
}

function arrive(db: Database, seq: bigint): Promise<void> {
  return new Promise((resolve, reject) => {
    const look = (): void => {
      const { failure } = db.status
      if (failure !== undefined) reject(failure)
      else if (db.status.seq >= seq) resolve()
      else return
      stop()
    }
    const stop = db.onStatus(look)
    look()
  })
}
