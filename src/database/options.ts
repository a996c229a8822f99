/** Options of `open`: what can be asked for, checked before anything is touched.
 *  Keeps: an unknown option, and one for what is not built, is refused and never ignored; all options
 *  but callbacks are plain data that crosses to a worker.  Never: opens anything. */

import { ConstelliteError } from '../base/failure.ts'
import type { DatabaseWorker } from '../base/globals.ts'
import type { RemoveOptions } from './remove.ts'
import type { ImportOptions, ImportSource, UntilOptions } from './types.ts'

/** A way to a relay, as plain data, from `websocket(url)`; the worker builds the connection from it. */
export type TransportDescriptor = { readonly kind: string; readonly url: string }

export type PublishDescriptor = {
  readonly kind: 'publish'
  readonly via: readonly TransportDescriptor[]
}
export type FollowDescriptor = {
  readonly kind: 'follow'
  readonly address: string
  readonly via: readonly TransportDescriptor[]
}
export type SyncDescriptor = PublishDescriptor | FollowDescriptor

export type OpenOptions = {
  /** SQL texts, applied in order, each once; append only. */
  readonly migrations?: readonly string[]
  readonly sync?: SyncDescriptor
  /** Seed of the owner key, from `createIdentity()`. */
  readonly identity?: Uint8Array
  /** Public key that may take the database over. */
  readonly recovery?: Uint8Array
  /** Refuse storage that cannot promise to survive power loss. */
  readonly durable?: boolean
  /** Open although something of the log that was flushed cannot be read, from what is before the damage;
   *  refused where the pages do not fit that, unless the copy follows and can begin anew. */
  readonly repair?: boolean
  /** A SQLite file that a new database begins with. */
  readonly import?: ImportSource
  /** In browsers: makes the worker, for whoever bundles otherwise. */
  readonly worker?: () => DatabaseWorker
  /** In browsers: where sqlite3.wasm is served, when it is not beside the worker. */
  readonly wasmUrl?: string
  /** In browsers: where kernel.wasm is served, when it is not beside the worker. */
  readonly kernelUrl?: string
}

/** Refuses what cannot name a database to remove, and options that there are not. */
export function checkRemove(name: unknown, options: RemoveOptions): void {
  checkName(name)
  refuseUnknown(options, ['worker', 'kernelUrl'], 'remove')
  checkWorker(options.worker)
  checkUrl(options.kernelUrl, 'kernelUrl', 'kernel.wasm')
}

const MIGRATIONS_MAX = 10_000
const VIA_MAX = 8
export const KEY_BYTES = 32

/** This copy writes; others follow it through these relays. */
export function publish(options: {
  readonly via: readonly TransportDescriptor[]
}): PublishDescriptor {
  refuseUnknown(options, ['via'], 'publish')
  return { kind: 'publish', via: checkVia(options.via, 'publish', 1) }
}

/** This copy follows the database at `address`, through its relays or those in `via`. */
export function follow(
  address: string,
  options: { readonly via?: readonly TransportDescriptor[] } = {},
): FollowDescriptor {
  checkAddress(address)
  refuseUnknown(options, ['via'], 'follow')
  return { kind: 'follow', address, via: checkVia(options.via ?? [], 'follow', 0) }
}

const NAMES = [
  'migrations',
  'sync',
  'identity',
  'recovery',
  'durable',
  'repair',
  'import',
  'worker',
  'wasmUrl',
  'kernelUrl',
] as const

/** The options, or the failure that says which of them cannot be used. */
export function checkOptions(name: unknown, options: OpenOptions): OpenOptions {
  checkName(name)
  refuseUnknown(options, NAMES, 'open')
  checkMigrations(options)
  if (options.sync !== undefined) checkSync(options.sync)
  if (options.sync?.kind === 'follow') checkFollower(options)
  if (options.import !== undefined) checkImportSource(options.import)
  checkKey(options.identity, 'identity')
  checkKey(options.recovery, 'recovery')
  for (const option of ['durable', 'repair'] as const) {
    const value = options[option]
    if (value !== undefined && typeof value !== 'boolean')
      throw refuse(option, 'Give true or false.')
  }
  checkWorker(options.worker)
  checkUrl(options.wasmUrl, 'wasmUrl', 'sqlite3.wasm')
  checkUrl(options.kernelUrl, 'kernelUrl', 'kernel.wasm')
  return options
}

function checkUrl(url: unknown, option: string, file: string): void {
  if (url === undefined || typeof url === 'string') return
  throw refuse(option, `Give the address of ${file} as a text.`)
}

function checkName(name: unknown): void {
  if (typeof name === 'string' && name !== '' && !name.includes('\0')) return
  throw refuse('name', 'The name of a database is a text that is not empty.')
}

function checkWorker(worker: unknown): void {
  if (worker === undefined || typeof worker === 'function') return
  throw refuse('worker', 'Give a function that makes the worker: () => new Worker(…).')
}

function checkMigrations(options: OpenOptions): void {
  const { migrations } = options
  if (migrations === undefined) return
  const isList = Array.isArray(migrations) && migrations.length <= MIGRATIONS_MAX
  if (!isList || migrations.some((text) => typeof text !== 'string' || text.trim() === '')) {
    throw refuse('migrations', 'Give an array of SQL texts, none of them empty.')
  }
}

/** What decides about a shard's beginning has no place where the shard is another's. */
function checkFollower({ migrations, import: source, recovery }: OpenOptions): void {
  if (migrations !== undefined) {
    throw refuse('migrations', 'A follower takes its tables from the writer: leave migrations out.')
  }
  if (source !== undefined) {
    throw refuse('import', 'A follower takes its rows from the writer: leave import out.')
  }
  if (recovery !== undefined) {
    throw refuse('recovery', 'It is named where the database is made: leave recovery out.')
  }
}

/** Refuses what is no path, bytes or Blob. */
export function checkImportSource(source: unknown): void {
  if (typeof source === 'string' && source !== '') return
  if (source instanceof Uint8Array) return
  const isBlob =
    typeof source === 'object' &&
    source !== null &&
    typeof (source as { arrayBuffer?: unknown }).arrayBuffer === 'function'
  if (!isBlob) throw refuse('import', 'Give a path, a Uint8Array, or a Blob or File.')
}

export function checkImportOptions(options: ImportOptions): ImportOptions {
  refuseUnknown(options, ['onProgress', 'signal'], 'import')
  const { onProgress, signal } = options
  if (onProgress !== undefined && typeof onProgress !== 'function') {
    throw refuse('onProgress', 'Give a function: (fraction) => ….')
  }
  if (signal !== undefined && typeof signal?.addEventListener !== 'function') {
    throw refuse('signal', 'Give the signal of an AbortController.')
  }
  return options
}

function checkAddress(address: unknown): void {
  if (typeof address === 'string' && address !== '') return
  throw refuse('address', 'Give what `ready` of the writer says: follow((await db.ready).address).')
}

function checkSync(sync: SyncDescriptor): void {
  if (typeof sync !== 'object' || sync === null) {
    throw refuse('sync', 'Use publish({ via }) or follow(address).')
  }
  if (sync.kind === 'publish') {
    refuseUnknown(sync, ['kind', 'via'], 'publish')
    checkVia(sync.via, 'publish', 1)
  } else if (sync.kind === 'follow') {
    refuseUnknown(sync, ['kind', 'address', 'via'], 'follow')
    checkAddress(sync.address)
    checkVia(sync.via, 'follow', 0)
  } else {
    throw refuse('sync', 'Use publish({ via }) or follow(address); other kinds are not built yet.')
  }
}

function checkVia(
  via: readonly TransportDescriptor[],
  where: string,
  countMin: number,
): readonly TransportDescriptor[] {
  if (!Array.isArray(via) || via.length < countMin || via.length > VIA_MAX) {
    throw refuse('via', `${where} takes ${countMin} to ${VIA_MAX} relays: [websocket(url)].`)
  }
  for (const descriptor of via) {
    const isDescriptor = typeof descriptor?.kind === 'string' && typeof descriptor.url === 'string'
    if (!isDescriptor) throw refuse('via', 'A relay is named with websocket(url).')
    refuseUnknown(descriptor, ['kind', 'url'], descriptor.kind)
  }
  return via
}

function checkKey(key: Uint8Array | undefined, name: 'identity' | 'recovery'): void {
  if (key === undefined) return
  if (!(key instanceof Uint8Array) || key.length !== KEY_BYTES) {
    const what = name === 'identity' ? 'seed' : 'publicKey'
    throw refuse(name, `Give the 32 bytes of \`${what}\` from createIdentity().`)
  }
}

const STAGES: readonly unknown[] = ['durable', 'final', 'shared', 'archived']

export function checkUntil(
  stage: unknown,
  options: UntilOptions,
): UntilOptions & { readonly holders: number } {
  if (!STAGES.includes(stage)) throw refuse('stage', `Give one of ${STAGES.join(', ')}.`)
  refuseUnknown(options, ['holders', 'signal', 'timeoutMs'], 'until')
  const { holders = 1, timeoutMs = 0 } = options
  if (!Number.isSafeInteger(holders) || holders < 1) {
    throw refuse('holders', 'Give how many others must hold it: 1 or more.')
  }
  if (typeof timeoutMs !== 'number' || !(timeoutMs >= 0)) {
    throw refuse('timeoutMs', 'Give milliseconds.')
  }
  return { ...options, holders }
}

export function refuseUnknown(given: object, known: readonly string[], where: string): void {
  if (typeof given !== 'object' || given === null) {
    throw refuse(where, 'Options are an object.')
  }
  const unknownName = Object.keys(given).find((key) => !known.includes(key))
  if (unknownName === undefined) return
  throw new ConstelliteError({
    code: 'ErrOption',
    message: `${where} has no option "${unknownName}".`,
    hint: `Known: ${known.join(', ')}. An option that is not built is refused, not ignored.`,
    facts: { option: unknownName },
  })
}

export function refuse(option: string, hint: string): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrOption',
    message: `The option "${option}" cannot be used as given.`,
    hint,
    facts: { option },
  })
}

/** True when both ask for the same.  Callbacks count as given or not given, because one that is written
 *  inline is another function at every call; so does the source of an import. */
export function sameOptions(left: OpenOptions, right: OpenOptions): boolean {
  return sameData(comparable(left), comparable(right))
}

/** True when `next` asks for what `last` did and for more migrations after those. */
export function appendsMigrations(last: OpenOptions, next: OpenOptions): boolean {
  const known = last.migrations ?? []
  const more = next.migrations?.slice(known.length) ?? []
  return more.length > 0 && sameOptions({ ...last, migrations: [...known, ...more] }, next)
}

function comparable(options: OpenOptions): object {
  const { worker, import: source, ...plain } = options
  return { ...plain, hasWorker: worker !== undefined, hasImport: source !== undefined }
}

/** True when both are the same plain data: what is undefined counts as not there. */
export function sameData(left: unknown, right: unknown): boolean {
  if (Object.is(left, right)) return true
  if (typeof left !== 'object' || typeof right !== 'object' || left === null || right === null) {
    return false
  }
  const names = Object.keys(left).filter((key) => valueAt(left, key) !== undefined)
  const others = Object.keys(right).filter((key) => valueAt(right, key) !== undefined)
  return (
    names.length === others.length &&
    names.every((key) => sameData(valueAt(left, key), valueAt(right, key)))
  )
}

function valueAt(value: object, key: string): unknown {
  // Read by name only to compare; what is missing is undefined on both sides.
  return (value as Record<string, unknown>)[key]
}
