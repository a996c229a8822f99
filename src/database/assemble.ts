/** Assemble: opens one database in this thread, room by room: storage, keys, shard, SQLite, sync, import and
 *  migrations.  Keeps: the device is owned before anything is read; whatever fails, what was opened
 *  before it is closed again, newest first. */

import { orThrow } from '../base/failure.ts'
import type { Host } from '../base/host.ts'
import { equalBytes } from '../bytes/compare.ts'
import { type Address, checkRelays, formatAddress, parseAddress } from '../frame/address.ts'
import { type Genesis, readGenesis, recoveryHashOf } from '../frame/genesis.ts'
import { type CopyKeys, checkOwner, identityStatus, openCopyKeys } from '../identity/copy-keys.ts'
import type { KeyStore } from '../identity/key-store.ts'
import { startSync } from '../replication/start-sync.ts'
import { openShard } from '../shard/open.ts'
import type { Shard } from '../shard/shard.ts'
import { createEngine } from '../sqlite/engine.ts'
import type { LoadSqlite } from '../sqlite/module.ts'
import type { PageSpace } from '../sqlite/page-space.ts'
import type { Device, DeviceFile } from '../storage/device.ts'
import type { Transport } from '../transport/transport.ts'
import { createClosers } from './closers.ts'
import type { FileAccess } from './files.ts'
import { createLocalCore, type LocalCore, type LocalParts } from './local-core.ts'
import {
  noRelay,
  notDurable,
  otherRecovery,
  otherWriter,
  ownWriter,
  unnamableRelay,
} from './open-failures.ts'
import type { OpenOptions, SyncDescriptor, TransportDescriptor } from './options.ts'
import { createQuotaWatch, type QuotaWatch } from './quota-watch.ts'
import type { Connect } from './registry.ts'
import type { StorageReport } from './types.ts'
import { letGoOfMany } from './unsent.ts'

/** What a platform gives to open databases in this thread. */
export type LocalPlatform = {
  readonly host: Host
  device(name: string): Device
  keyStore(name: string): KeyStore
  transport(descriptor: TransportDescriptor): Transport
  readonly loadSqlite: (options: OpenOptions) => LoadSqlite
  readonly files: FileAccess
  /** Of the scope under which calls are made: `Scope.isExact`. */
  readonly isScopeExact: boolean
  /** The name that the genesis shows to everybody: without the path that led to it. */
  titleOf(name: string): string
  /** True when the platform has promised not to evict what is stored. */
  isPersisted(): Promise<boolean>
  /** Of the whole site, where the platform tells. */
  siteUsage?(): Promise<StorageReport['site']>
  /** Shown every shard before anything moves in it: to look at its frames and seals. */
  readonly onShard?: ((name: string, shard: ShardView) => void) | undefined
}

/** What of a shard can be looked at without a way to change it. */
export type ShardView = Pick<
  Shard,
  'head' | 'newestSeal' | 'readFrame' | 'readRun' | 'range' | 'onAdvance' | 'onSeal'
>

/** Transient pages of SQLite beyond memory. */
const SPILL_FILE = 'spill'

export function createLocalConnect(platform: LocalPlatform): Connect {
  return async (name, options, onProgress) => {
    const closers = createClosers()
    try {
      return await assemble(platform, { name, options, onProgress, closers })
    } catch (error) {
      await closers.close()
      throw error
    }
  }
}

type Assembly = {
  readonly name: string
  readonly options: OpenOptions
  readonly onProgress: (fraction: number) => void
  readonly closers: ReturnType<typeof createClosers>
}

async function assemble(platform: LocalPlatform, assembly: Assembly): Promise<LocalCore> {
  const { host } = platform
  const { options, onProgress, closers } = assembly
  const { sync } = options
  const quota = createQuotaWatch(host)
  const followed = parseFollowed(sync)
  const relays = relaysOf(sync, followed)
  const transports = buildTransports(platform, sync, relays)
  const device = await openDevice(platform, assembly)
  const keys = await openKeys(platform, assembly)
  const { shard, tornBytes, isNew, repaired } = await openShard({
    host,
    device,
    signer: keys.author,
    create: whatToMake(platform, assembly, { keys, followed }),
    repair: options.repair === true,
    onProgress,
  })
  closers.add(() => shard.close())
  if (options.sync === undefined) letGoOfMany(shard)
  platform.onShard?.(assembly.name, shard)
  const genesis = genesisOf(shard)
  if (genesis !== undefined) orThrow(checkOwner(keys, genesis))
  checkRecovery(genesis, options.recovery)
  checkRole(shard, sync)
  const persisted = await platform.isPersisted()
  const parts: LocalParts = {
    host,
    name: assembly.name,
    address: formatAddress({ shard: shard.id, relays, secret: undefined }),
    tornBytes,
    repaired,
    isNew,
    shard,
    ...(await openSqlite(platform, assembly, { device, shard, quota })),
    relayCount: transports.length,
    owner: keys.owner,
    startSync: syncStarter(platform, { shard, keys, transports, sync }),
    get storage() {
      const { kind, durable, reason, rowsWritten } = device
      return { kind, durable, persisted, reason, full: quota.full, rowsWritten }
    },
    quota,
    identity: identityStatus(keys, genesis),
    siteUsage: async () => platform.siteUsage?.(),
    files: platform.files,
    isScopeExact: platform.isScopeExact,
    migrations: options.migrations,
    release: () => closers.close(),
  }
  const core = createLocalCore(parts)
  core.startSync()
  try {
    await core.prepare({ import: options.import, onProgress })
  } catch (error) {
    await core.close()
    throw error
  }
  return core
}

async function openDevice(
  platform: LocalPlatform,
  { name, options, closers }: Assembly,
): Promise<Device> {
  const device = platform.device(name)
  await device.acquire()
  closers.add(() => device.close())
  if (options.durable === true && !device.durable) throw notDurable(device.reason)
  return device
}

async function openKeys(
  platform: LocalPlatform,
  { name, options, closers }: Assembly,
): Promise<CopyKeys> {
  const store = platform.keyStore(name)
  closers.add(() => store.close())
  // The author key is made last, so without one this copy is new.
  const isNew = (await store.load('author')) === undefined
  const beginsShard = isNew && options.sync?.kind !== 'follow'
  return openCopyKeys(store, { identity: options.identity, beginsShard })
}

async function openSqlite(
  platform: LocalPlatform,
  { options, closers }: Assembly,
  {
    device,
    shard,
    quota,
  }: { readonly device: Device; readonly shard: Shard; readonly quota: QuotaWatch },
): Promise<Pick<LocalParts, 'engine' | 'openEngine'>> {
  const { host } = platform
  const load = platform.loadSqlite(options)
  const [spill] = await device.open([SPILL_FILE])
  spill?.truncate(0)
  const space: PageSpace = {
    pages: shard.pages,
    get isReadOnly() {
      return shard.role !== 'writer'
    },
    commit: (transaction) => {
      quota.during(() => shard.commit(transaction))
    },
  }
  const engine = await createEngine({
    load,
    host,
    space,
    ...(spill === undefined ? {} : { spill: watchWrites(spill, quota) }),
  })
  closers.add(async () => engine.close())
  return { engine, openEngine: (other) => createEngine({ load, host, space: other }) }
}

function watchWrites(file: DeviceFile, quota: QuotaWatch): DeviceFile {
  return { ...file, write: (at, bytes) => quota.during(() => file.write(at, bytes)) }
}

function parseFollowed(sync: SyncDescriptor | undefined): Address | undefined {
  return sync?.kind === 'follow' ? orThrow(parseAddress(sync.address)) : undefined
}

function whatToMake(
  platform: LocalPlatform,
  { name, options }: Assembly,
  { keys, followed }: { readonly keys: CopyKeys; readonly followed: Address | undefined },
): Parameters<typeof openShard>[0]['create'] {
  if (followed !== undefined) return { type: 'follow', shard: followed.shard }
  const owner = keys.owner?.publicKey ?? keys.author.publicKey
  return {
    type: 'genesis',
    genesis: { name: platform.titleOf(name), owner, recovery: options.recovery },
  }
}

function genesisOf(shard: Shard): Genesis | undefined {
  const first = shard.authority[0]
  return first === undefined ? undefined : orThrow(readGenesis(first))
}

/** A key that was not named at the beginning would recover nothing. */
function checkRecovery(genesis: Genesis | undefined, recovery: Uint8Array | undefined): void {
  if (genesis === undefined || recovery === undefined) return
  const { recoveryHash } = genesis
  const isNamed = recoveryHash !== undefined && equalBytes(recoveryHash, recoveryHashOf(recovery))
  if (!isNamed) throw otherRecovery()
}

function checkRole(shard: Shard, sync: SyncDescriptor | undefined): void {
  if (sync?.kind === 'publish' && shard.role !== 'writer') throw otherWriter()
  // A copy that was made to follow and took over goes on writing with the same options.
  const isFirst = shard.author?.epoch === 0n
  if (sync?.kind === 'follow' && shard.role === 'writer' && isFirst) throw ownWriter()
}

function relaysOf(
  sync: SyncDescriptor | undefined,
  followed: Address | undefined,
): readonly string[] {
  const named = sync?.via.map((descriptor) => descriptor.url) ?? []
  return named.length > 0 ? named : (followed?.relays ?? [])
}

/** Made before anything is on disk, because a relay that cannot be used is a wrong option. */
function buildTransports(
  platform: LocalPlatform,
  sync: SyncDescriptor | undefined,
  relays: readonly string[],
): readonly Transport[] {
  if (sync === undefined) return []
  if (relays.length === 0) throw noRelay()
  const checked = checkRelays(relays)
  if (!checked.ok) throw unnamableRelay(checked.failure)
  const descriptors =
    sync.via.length > 0 ? sync.via : relays.map((url) => ({ kind: 'websocket', url }))
  return descriptors.map((descriptor) => platform.transport(descriptor))
}

function syncStarter(
  platform: LocalPlatform,
  {
    shard,
    keys,
    transports,
    sync,
  }: {
    readonly shard: Shard
    readonly keys: CopyKeys
    readonly transports: readonly Transport[]
    readonly sync: SyncDescriptor | undefined
  },
): LocalParts['startSync'] {
  if (sync === undefined) return undefined
  return (exclusively) =>
    startSync({
      host: platform.host,
      shard,
      // A copy that took over comes up as the writer, whatever it was opened with.
      role: shard.role,
      transports,
      signer: keys.author,
      exclusively,
    })
}
