/** Key store in IndexedDB: non-extractable CryptoKeys, for browsers.  Where WebCrypto has no Ed25519
 *  (before Chrome 137) the seed itself is kept, since nothing else can be.
 *  Keeps: `create` answers only after the transaction that keeps the key is complete, with strict
 *  durability.  Never: shared by copies; each has records under its own name. */

import { ConstelliteError } from '../base/failure.ts'
import type { Signer } from '../crypto/signer.ts'
import { signerFromSeed } from '../crypto/signer-kernel.ts'
import {
  createWebCryptoKey,
  hasWebCryptoEd25519,
  randomSeed,
  signerFromWebCryptoKey,
  type WebCryptoKey,
} from '../crypto/signer-webcrypto.ts'
import { KEY_NAMES, type KeyName, type KeyStore, keyExists } from './key-store.ts'

export const KEYS_DATABASE = 'constellite-keys'
const DATABASE_VERSION = 1
const STORE = 'keys'

/** A record: one of the two. */
type Kept = WebCryptoKey | { readonly seed: Uint8Array }

/** `name` is the database's own. */
export function createIndexedDbKeyStore(name: string): KeyStore {
  let opened: Promise<IDBDatabase> | undefined
  const database = (): Promise<IDBDatabase> => {
    opened ??= openDatabase()
    return opened
  }
  const recordOf = (key: KeyName): [string, KeyName] => [name, key]
  return {
    stored: 'indexeddb',
    async load(key) {
      const kept = await inStore(await database(), 'readonly', (store) => store.get(recordOf(key)))
      return kept === undefined ? undefined : signerOf(kept, key)
    },
    async create(key) {
      const made: Kept = (await hasWebCryptoEd25519())
        ? await createWebCryptoKey()
        : { seed: randomSeed() }
      const keep = (store: IDBObjectStore): IDBRequest => store.add(made, recordOf(key))
      try {
        await inStore(await database(), 'readwrite', keep)
      } catch (error) {
        throw isConstraint(error) ? keyExists(key) : error
      }
      return signerOf(made, key)
    },
    async remove() {
      const connection = await database()
      for (const key of KEY_NAMES) {
        await inStore(connection, 'readwrite', (store) => store.delete(recordOf(key)))
      }
    },
    async close() {
      const closing = opened
      opened = undefined
      if (closing !== undefined) (await closing).close()
    },
  }
}

/** Whether a copy of this name has its key here. */
export async function hasIndexedDbKeys(name: string): Promise<boolean> {
  const store = createIndexedDbKeyStore(name)
  try {
    return (await store.load('author')) !== undefined
  } finally {
    await store.close()
  }
}

function openDatabase(): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(KEYS_DATABASE, DATABASE_VERSION)
    request.onupgradeneeded = () => request.result.createObjectStore(STORE)
    request.onsuccess = () => {
      const database = request.result
      // A newer version of the package may upgrade; a connection that stays open would block it.
      database.onversionchange = () => database.close()
      resolve(database)
    }
    request.onerror = () => reject(refuse(request.error))
    request.onblocked = () => reject(refuse(new Error('another tab holds an older version')))
  })
}

/** The result of one request, after its transaction is complete. */
function inStore(
  database: IDBDatabase,
  mode: IDBTransactionMode,
  ask: (store: IDBObjectStore) => IDBRequest,
): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const transaction = database.transaction(STORE, mode, { durability: 'strict' })
    const request = ask(transaction.objectStore(STORE))
    transaction.oncomplete = () => resolve(request.result)
    transaction.onabort = () => reject(refuse(transaction.error))
  })
}

function signerOf(kept: unknown, name: KeyName): Signer {
  if (typeof kept === 'object' && kept !== null) {
    if ('seed' in kept && kept.seed instanceof Uint8Array) return signerFromSeed(kept.seed)
    if ('privateKey' in kept && 'publicKey' in kept && kept.publicKey instanceof Uint8Array) {
      // Only `create` above writes these records, and it writes a private key there.
      return signerFromWebCryptoKey(kept as WebCryptoKey)
    }
  }
  throw new ConstelliteError({
    code: 'ErrIdentity',
    message: `The ${name} key kept in IndexedDB is not one of ours.`,
    hint: 'Something else wrote in the database "constellite-keys"; make a new copy.',
    facts: { name },
  })
}

function refuse(cause: unknown): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrStorage',
    message: 'The browser could not keep or read a key in IndexedDB.',
    hint: 'Private windows and full disks refuse it; look at the cause.',
    retry: 'after-repair',
    cause,
  })
}

function isConstraint(error: unknown): boolean {
  const cause = error instanceof Error ? error.cause : undefined
  return cause instanceof Error && cause.name === 'ConstraintError'
}
