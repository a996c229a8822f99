/** workerd (Cloudflare Workers): the composition that `open` is in a Durable Object.
 *  Keeps: importing does nothing and `open` in a constructor answers at once, having touched nothing: the
 *  first call loads SQLite and the kernel and reads the object's storage.
 *  Not run against the real cloud: tested under the `workerd` binary, whose limits are not production's. */

import { ConstelliteError } from '../base/failure.ts'
import { loadKernel } from '../crypto/kernel-load-workerd.ts'
import { useKernel } from '../crypto/kernel-slot.ts'
import { createLocalConnect } from '../database/assemble.ts'
import { createOpen, type Open } from '../database/open.ts'
import { checkRemove, type OpenOptions } from '../database/options.ts'
import { removeDatabase } from '../database/remove.ts'
import type { OpeningDatabase } from '../database/types.ts'
import { createDurableObjectKeyStore } from '../identity/key-store-durable-object.ts'
import { loadSqliteWorkerd } from '../sqlite/load-workerd.ts'
import { createDurableObjectDevice } from '../storage/durable-object.ts'
import {
  createObjectTables,
  type ObjectStorage,
  type RowMeter,
} from '../storage/durable-object-tables.ts'
import { createGlobalWebSocket } from '../transport/websocket-global.ts'
import { createWorkerdFiles } from './files-workerd.ts'
import { createWorkerdHost } from './host-workerd.ts'
import { createObjectPlace } from './place-workerd.ts'
import { refusePageOptions, unknownTransport } from './refusals.ts'
import { createWorkerdScope } from './scope-workerd.ts'

/** What of a Durable Object's `ctx` is used. */
export type ObjectContext = { readonly storage: ObjectStorage }

export type { ObjectStorage }

const NAME = 'database'
const HERE = 'In a Durable Object the database runs in the object'

/** An object opens a name once, however often it asks; each object has names of its own. */
const openByStorage = new WeakMap<ObjectStorage, Open>()

/** Opens the database of this name in the object's storage, making it where there is none. */
export function open(
  ctx: ObjectContext,
  name: string = NAME,
  options?: OpenOptions,
): OpeningDatabase {
  const storage = storageOf(ctx)
  const made = openByStorage.get(storage) ?? createObjectOpen(storage)
  openByStorage.set(storage, made)
  return made(name, options)
}

/** Deletes a closed database of this object.  Resolves with false when there is none. */
export async function remove(ctx: ObjectContext, name: string = NAME): Promise<boolean> {
  const storage = storageOf(ctx)
  checkRemove(name, {})
  useKernel(await loadKernel())
  const host = createWorkerdHost()
  const keyStore = createDurableObjectKeyStore(storage, { name, random: host.random })
  const tables = createObjectTables(storage, { rowsWritten: 0 })
  return removeDatabase({
    place: createObjectPlace(tables, { name, keyStore }),
    device: createDurableObjectDevice(storage, { name, host }),
    keyStore,
  })
}

function createObjectOpen(storage: ObjectStorage): Open {
  const host = createWorkerdHost()
  const scope = createWorkerdScope(host)
  return createOpen({
    host,
    scope,
    // A request that waits for an answer keeps its object.
    keepAlive: () => () => undefined,
    keyOf: (name) => name,
    connect: async (name, options, onProgress) => {
      refusePageOptions(options, { names: ['worker', 'wasmUrl', 'kernelUrl'], where: HERE })
      useKernel(await loadKernel())
      // Of this opening: the files and the keys.
      const meter: RowMeter = { rowsWritten: 0 }
      const connect = createLocalConnect({
        host,
        device: () => createDurableObjectDevice(storage, { name, host, meter }),
        keyStore: () => createDurableObjectKeyStore(storage, { name, random: host.random, meter }),
        transport: ({ kind, url }) => {
          if (kind !== 'websocket') throw unknownTransport(kind)
          return createGlobalWebSocket({ kind, url })
        },
        loadSqlite: () => loadSqliteWorkerd,
        files: createWorkerdFiles(),
        isScopeExact: scope.isExact,
        titleOf: () => name,
        isPersisted: async () => true,
      })
      return connect(name, options, onProgress)
    },
  })
}

/** Outside of TypeScript the first argument is easily forgotten. */
function storageOf(ctx: ObjectContext | undefined): ObjectStorage {
  const storage = ctx?.storage
  if (typeof storage?.transactionSync === 'function') return storage
  throw new ConstelliteError({
    code: 'ErrOption',
    message: 'In workerd a database lives in a Durable Object.',
    hint: 'Call open(ctx, name) in the constructor of an object, with the ctx it was given.',
    facts: { option: 'ctx' },
  })
}
