/** Node (and Deno and Bun, which imitate it): the composition that `open` of the package is.
 *  A database runs in the calling thread and keeps no process alive while nothing is asked of it. */

import { basename } from 'node:path'
import { loadKernel } from '../crypto/kernel-load-node.ts'
import { useKernel } from '../crypto/kernel-slot.ts'
import { createLocalConnect } from '../database/assemble.ts'
import { held, type KeepAlive } from '../database/keep-alive.ts'
import { createOpen, type Open } from '../database/open.ts'
import { checkRemove } from '../database/options.ts'
import { type Remove, type RemoveOptions, removeDatabase } from '../database/remove.ts'
import { createNodeKeyStore } from '../identity/key-store-node.ts'
import { loadSqliteNode } from '../sqlite/load-node.ts'
import { createNodeDevice, nodeDirectoryOf } from '../storage/node-fs.ts'
import { createNodeWebSocket } from '../transport/websocket-node.ts'
import { createNodeFiles } from './files-node.ts'
import { createNodeHost } from './host-node.ts'
import { createNodeKeepAlive } from './keep-alive-node.ts'
import { createNodePlace } from './place-node.ts'
import { oncePerRealm } from './realm.ts'
import { refusePageOptions, unknownTransport } from './refusals.ts'
import { createAsyncScope } from './scope-node.ts'

const HERE = 'On a server the database runs in the calling thread'

let keepAlive: KeepAlive | undefined

/** Opens the database in the folder `<name>.constellite`, making it where there is none. */
export const open: Open = (name, options) => oncePerRealm(createNodeOpen)(name, options)

/** Deletes the folder of a closed database. */
export const remove: Remove = (name, options = {}) => {
  keepAlive ??= createNodeKeepAlive()
  return held(keepAlive, removeHere(name, options))
}

async function removeHere(name: string, options: RemoveOptions): Promise<boolean> {
  checkRemove(name, options)
  refusePageOptions(options, { names: ['worker', 'kernelUrl'], where: HERE })
  return removeDatabase({
    place: createNodePlace(name),
    device: createNodeDevice(createNodeHost(), { name }),
    keyStore: createNodeKeyStore(nodeDirectoryOf(name)),
  })
}

function createNodeOpen(): Open {
  keepAlive ??= createNodeKeepAlive()
  const host = createNodeHost()
  const scope = createAsyncScope()
  const connect = createLocalConnect({
    host,
    device: (name) => createNodeDevice(host, { name }),
    keyStore: (name) => createNodeKeyStore(nodeDirectoryOf(name)),
    transport: ({ kind, url }) => {
      if (kind !== 'websocket') throw unknownTransport(kind)
      return createNodeWebSocket({ kind, url })
    },
    loadSqlite: () => loadSqliteNode,
    files: createNodeFiles(),
    isScopeExact: scope.isExact,
    titleOf: (name) => basename(name),
    isPersisted: async () => true,
  })
  return createOpen({
    host,
    scope,
    keepAlive,
    keyOf: nodeDirectoryOf,
    connect: async (name, options, onProgress) => {
      refusePageOptions(options, { names: ['worker', 'wasmUrl', 'kernelUrl'], where: HERE })
      useKernel(await loadKernel())
      return connect(name, options, onProgress)
    },
  })
}
