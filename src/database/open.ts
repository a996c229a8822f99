/** Open: `createOpen(environment)` makes the `open` of one platform.
 *  Keeps: a handle is answered at once and nothing is touched before its first call. */

import type { Host } from '../base/host.ts'
import { createHandle } from './handle.ts'
import type { KeepAlive } from './keep-alive.ts'
import { withSharedLive } from './live-sharing.ts'
import { checkOptions, type OpenOptions } from './options.ts'
import { type Connect, createRegistry } from './registry.ts'
import type { Scope } from './scope.ts'
import type { OpeningDatabase } from './types.ts'

/** What a platform gives. */
export type Environment = {
  readonly host: Host
  readonly scope: Scope
  readonly keepAlive: KeepAlive
  /** The one text for what `name` means here: an absolute path, or the name itself. */
  keyOf(name: string): string
  /** Opens it: in this thread or in a worker. */
  readonly connect: Connect
}

export type Open = (name: string, options?: OpenOptions) => OpeningDatabase

export function createOpen({ host, scope, keepAlive, keyOf, connect }: Environment): Open {
  const registry = createRegistry(async (...given) => withSharedLive(await connect(...given)))
  let lastCaller = 0
  return (name, options = {}) => {
    lastCaller += 1
    return createHandle({
      host,
      scope,
      keepAlive,
      name,
      caller: lastCaller,
      take: () => {
        const checked = copyOf(checkOptions(name, options))
        const key = keyOf(name)
        const { entry, core } = registry.take(key, name, checked)
        return { entry, core, giveBack: () => registry.giveBack(key, entry) }
      },
    })
  }
}

/** A tab opens the database again when it takes over; by then its reader may have wiped the seed. */
function copyOf({ migrations, identity, recovery, ...rest }: OpenOptions): OpenOptions {
  return {
    ...rest,
    ...(migrations && { migrations: [...migrations] }),
    // Not `slice`, which of a Buffer is no copy.
    ...(identity && { identity: Uint8Array.from(identity) }),
    ...(recovery && { recovery: Uint8Array.from(recovery) }),
  }
}
