/** In a browser, WebCrypto signs as the suite of signers says, and IndexedDB keeps keys that cannot be
 *  carried away. */
import { describe, expect, it, vi } from 'vitest'
import { publicKeyFromSeed } from '../../src/crypto/signer-noble.ts'
import {
  createWebCryptoKey,
  importWebCryptoSeed,
  signerFromWebCryptoKey,
} from '../../src/crypto/signer-webcrypto.ts'
import { verify } from '../../src/crypto/verify.ts'
import { createIdentity } from '../../src/identity/create-identity.ts'
import { createIndexedDbKeyStore } from '../../src/identity/key-store-indexeddb.ts'
import { keyStoreCases } from '../../src/testing/key-store-suite.ts'
import { signerCases } from '../../src/testing/signer-suite.ts'

describe('the WebCrypto signer', () => {
  it.each(signerCases())('$name', async ({ run }) => {
    await run({
      create: async () => signerFromWebCryptoKey(await createWebCryptoKey()),
      fromSeed: async (seed) => signerFromWebCryptoKey(await importWebCryptoSeed(seed)),
    })
  })
})

describe('the IndexedDB key store', () => {
  it.each(keyStoreCases().map((one, index) => ({ ...one, index })))(
    '$name',
    async ({ run, index }) => {
      const scope = `${crypto.randomUUID()}-${index}`
      await run({ isKept: true, open: (name) => createIndexedDbKeyStore(`${scope}-${name}`) })
    },
  )

  it('keeps an author key that no script can export', async () => {
    const name = crypto.randomUUID()
    const store = createIndexedDbKeyStore(name)
    await store.create('author')
    await store.close()
    const kept = await recordOf(name)
    expect(kept.privateKey).toBeInstanceOf(CryptoKey)
    expect(kept.privateKey.extractable).toBe(false)
    await expect(crypto.subtle.exportKey('pkcs8', kept.privateKey)).rejects.toThrow()
  })

  it('lets one of two makers win, and both then find one key', async () => {
    const name = crypto.randomUUID()
    const stores = [createIndexedDbKeyStore(name), createIndexedDbKeyStore(name)]
    const made = await Promise.allSettled(stores.map((store) => store.create('author')))
    expect(made.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
    const [first, second] = await Promise.all(stores.map((store) => store.load('author')))
    expect(first?.publicKey).toEqual(second?.publicKey)
    expect(first?.publicKey).toHaveLength(32)
  })

  it('keeps a seed where the platform has no Ed25519', async () => {
    const generate = vi
      .spyOn(crypto.subtle, 'generateKey')
      .mockRejectedValue(new DOMException('no Ed25519', 'NotSupportedError'))
    const name = crypto.randomUUID()
    const made = await createIndexedDbKeyStore(name).create('author')
    const loaded = await createIndexedDbKeyStore(name).load('author')
    generate.mockRestore()
    const message = new Uint8Array(10)
    const signature = (await loaded?.sign(message)) ?? message
    expect(verify(signature, message, made.publicKey)).toBe(true)
  })

  it('makes no weaker key when the platform fails for another reason', async () => {
    const generate = vi
      .spyOn(crypto.subtle, 'generateKey')
      .mockRejectedValue(new DOMException('busy', 'OperationError'))
    const store = createIndexedDbKeyStore(crypto.randomUUID())
    await expect(store.create('author')).rejects.toThrow('busy')
    generate.mockRestore()
    expect(await store.load('author')).toBeUndefined()
  })

  it('refuses a record that is none of its own', async () => {
    const name = crypto.randomUUID()
    const store = createIndexedDbKeyStore(name)
    await store.load('author')
    await write(name, 'scribble')
    await expect(store.load('author')).rejects.toMatchObject({ code: 'ErrIdentity' })
  })
})

describe('createIdentity', () => {
  it('gives a seed and its public key', async () => {
    const { seed, publicKey } = await createIdentity()
    expect(publicKeyFromSeed(seed)).toEqual(publicKey)
  })
})

function recordOf(name: string): Promise<{ privateKey: CryptoKey }> {
  return inStore('readonly', (store) => store.get([name, 'author']))
}

function write(name: string, value: string): Promise<unknown> {
  return inStore('readwrite', (store) => store.put(value, [name, 'author']))
}

function inStore<T>(
  mode: IDBTransactionMode,
  ask: (store: IDBObjectStore) => IDBRequest<T>,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const opening = indexedDB.open('constellite-keys')
    opening.onerror = reject
    opening.onsuccess = () => {
      const request = ask(opening.result.transaction('keys', mode).objectStore('keys'))
      request.onerror = reject
      request.onsuccess = () => {
        opening.result.close()
        resolve(request.result)
      }
    }
  })
}
