/** The conformance suite of KeyStore: every implementation passes every case, on every platform.
 *  Framework-free: run each case and treat a throw as a failure. */

import type { Signer } from '../crypto/signer.ts'
import { verify } from '../crypto/verify.ts'
import type { KeyStore } from '../identity/key-store.ts'
import { expectBytes, expectFailure, expectTrue } from './expect.ts'

export type KeyStoreContext = {
  /** The store of the copy called `name`; each call opens it anew. */
  open(name: string): KeyStore
  /** False for a store that forgets when it is closed. */
  readonly isKept: boolean
}

export type KeyStoreCase = {
  readonly name: string
  run(context: KeyStoreContext): Promise<void>
}

export function keyStoreCases(): readonly KeyStoreCase[] {
  return [...keepingCases, ...sparingCases]
}

const keepingCases: readonly KeyStoreCase[] = [
  {
    name: 'has no key before one is made, then answers that one',
    async run({ open }) {
      const store = open('first')
      expectTrue((await store.load('author')) === undefined, 'no author key at first')
      const made = await store.create('author')
      const loaded = await store.load('author')
      expectBytes(loaded?.publicKey ?? new Uint8Array(0), made.publicKey, 'loaded public key')
      await expectSigns(made, made.publicKey)
      await expectSigns(loaded, made.publicKey)
      await store.close()
    },
  },
  {
    name: 'keeps a key for the next opening',
    async run({ open, isKept }) {
      const store = open('kept')
      const made = await store.create('author')
      await store.close()
      const later = open('kept')
      const loaded = await later.load('author')
      if (isKept) await expectSigns(loaded, made.publicKey)
      else expectTrue(loaded === undefined, 'a store in memory forgets')
      await later.close()
    },
  },
  {
    name: 'keeps author and owner keys apart, and copies apart',
    async run({ open }) {
      const [store, other] = [open('one'), open('another')]
      const keys = [
        await store.create('author'),
        await store.create('owner'),
        await other.create('author'),
      ]
      const texts = new Set(keys.map((key) => key.publicKey.join()))
      expectTrue(texts.size === 3, 'three keys differ')
      expectTrue((await other.load('owner')) === undefined, 'the other copy has no owner key')
      await store.close()
      await other.close()
    },
  },
]

const sparingCases: readonly KeyStoreCase[] = [
  {
    name: 'never overwrites a key',
    async run({ open }) {
      const store = open('overwritten')
      const made = await store.create('owner')
      await expectFailure('ErrIdentity', () => store.create('owner'))
      await expectSigns(await store.load('owner'), made.publicKey)
      await store.close()
    },
  },
  {
    name: 'deletes its keys, and only its own',
    async run({ open }) {
      const [store, other] = [open('deleted'), open('survivor')]
      await store.create('author')
      await store.create('owner')
      const survivor = await other.create('author')
      await store.remove()
      expectTrue((await store.load('author')) === undefined, 'the author key is gone')
      expectTrue((await store.load('owner')) === undefined, 'the owner key is gone')
      await expectSigns(await other.load('author'), survivor.publicKey)
      await store.remove()
      await store.create('author')
      await store.close()
      await other.close()
    },
  },
]

async function expectSigns(signer: Signer | undefined, publicKey: Uint8Array): Promise<void> {
  const message = new TextEncoder().encode('a message')
  const signature = (await signer?.sign(message)) ?? new Uint8Array(0)
  expectTrue(verify(signature, message, publicKey), 'the key signs for its public key')
}
