/** Signer of the platform: Ed25519 of WebCrypto, in browsers, workers, Node 20 and edge runtimes.
 *  Keeps: a key is non-extractable unless the caller asks otherwise, so that a script that gets hold
 *  of it can sign but not carry it away.
 *  Never: verifies; platforms differ on crafted signatures (see verify.ts).  The only file that uses
 *  `crypto`. */

import { assert } from '../base/assert.ts'
import { ConstelliteError, type Result } from '../base/failure.ts'
import { pkcs8FromSeed, seedFromPkcs8 } from './pkcs8.ts'
import { wipe } from './secret.ts'
import type { Signer } from './signer.ts'

const ALGORITHM = 'Ed25519'
/** WebKitGTK refuses every key with a zero byte at the start of one of its halves, 1 in 128
 *  (https://bugs.webkit.org/show_bug.cgi?id=307095); each attempt draws another. */
const ATTEMPTS_MAX = 8

/** What of a CryptoKey is named here, so that our types compile where no DOM types are. */
export type PlatformKey = { readonly type: string; readonly extractable: boolean }

export type WebCryptoKey = {
  readonly privateKey: PlatformKey
  readonly publicKey: Uint8Array
}

/** False in browsers older than Chrome 137, Firefox 129, Safari 17, and outside secure contexts. */
export async function hasWebCryptoEd25519(): Promise<boolean> {
  if (!('subtle' in crypto)) return false
  try {
    await createWebCryptoKey()
    return true
  } catch (error) {
    if (error instanceof Error && error.name === 'NotSupportedError') return false
    throw error
  }
}

export async function createWebCryptoKey(
  options: { readonly extractable?: boolean } = {},
): Promise<WebCryptoKey> {
  const pair = await drawPair(options.extractable ?? false)
  // The types answer a union by algorithm name, which a string constant does not narrow.
  const { privateKey, publicKey } = pair as CryptoKeyPair
  return { privateKey, publicKey: new Uint8Array(await crypto.subtle.exportKey('raw', publicKey)) }
}

/** The key of a PKCS#8 document. */
export async function importWebCryptoKey(
  pkcs8: Uint8Array,
  options: { readonly extractable?: boolean } = {},
): Promise<WebCryptoKey> {
  const whole = await importPrivate(pkcs8, true)
  const { x } = await crypto.subtle.exportKey('jwk', whole)
  assert(x !== undefined, 'the JWK of an Ed25519 key has its public part')
  const publicKey = await crypto.subtle.importKey(
    'jwk',
    { kty: 'OKP', crv: ALGORITHM, x },
    ALGORITHM,
    true,
    ['verify'],
  )
  return {
    privateKey: options.extractable === true ? whole : await importPrivate(pkcs8, false),
    publicKey: new Uint8Array(await crypto.subtle.exportKey('raw', publicKey)),
  }
}

export function importWebCryptoSeed(seed: Uint8Array): Promise<WebCryptoKey> {
  return importWebCryptoKey(pkcs8FromSeed(seed))
}

/** The PKCS#8 document of an extractable key. */
export async function exportWebCryptoKey(key: WebCryptoKey): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.exportKey('pkcs8', cryptoKeyOf(key.privateKey)))
}

export function signerFromWebCryptoKey(key: WebCryptoKey): Signer {
  const privateKey = cryptoKeyOf(key.privateKey)
  return {
    publicKey: key.publicKey,
    async sign(message) {
      return new Uint8Array(await crypto.subtle.sign(ALGORITHM, privateKey, sourceOf(message)))
    },
  }
}

/** A new seed and its public key, made by the platform alone, so that a page needs no other code. */
export async function createWebCryptoSeed(): Promise<{
  readonly seed: Result<Uint8Array>
  readonly publicKey: Uint8Array
}> {
  const key = await createWebCryptoKey({ extractable: true })
  const pkcs8 = await exportWebCryptoKey(key)
  const seed = seedFromPkcs8(pkcs8)
  wipe(pkcs8)
  return { seed, publicKey: key.publicKey }
}

/** Random bytes for a seed where WebCrypto has no Ed25519. */
export function randomSeed(): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(32))
}

/** Why a key could not be made, as a failure. */
export function noEd25519(cause: unknown): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrIdentity',
    message: 'This platform has no Ed25519 in its WebCrypto.',
    hint: 'Chrome 137, Firefox 129, Safari 17 and Node 20 have it, over https or on localhost.',
    cause,
  })
}

async function drawPair(extractable: boolean): ReturnType<SubtleCrypto['generateKey']> {
  for (let attempts = 1; ; attempts++) {
    try {
      return await crypto.subtle.generateKey(ALGORITHM, extractable, ['sign', 'verify'])
    } catch (error) {
      const isOfThisKey = error instanceof Error && error.name === 'OperationError'
      if (!isOfThisKey || attempts === ATTEMPTS_MAX) throw error
    }
  }
}

async function importPrivate(pkcs8: Uint8Array, extractable: boolean): Promise<CryptoKey> {
  return await crypto.subtle.importKey('pkcs8', sourceOf(pkcs8), ALGORITHM, extractable, ['sign'])
}

function cryptoKeyOf(key: PlatformKey): CryptoKey {
  // Every PlatformKey was made above or kept by the platform's own store; WebCrypto checks it again.
  return key as CryptoKey
}

/** WebCrypto takes no view of a shared buffer, so such a view is copied. */
function sourceOf(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  // The check below is what the cast says.
  if (bytes.buffer instanceof ArrayBuffer) return bytes as Uint8Array<ArrayBuffer>
  return new Uint8Array(bytes)
}
