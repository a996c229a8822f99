/** The conformance suite of Signer: every implementation passes every case, on every platform.
 *  Keeps: signatures are compared with the verifier that replicas use, never with the platform's own.
 *  Framework-free: run each case and treat a throw as a failure. */

import type { Signer } from '../crypto/signer.ts'
import { publicKeyFromSeed, signerFromSeed } from '../crypto/signer-noble.ts'
import { isWeakPublicKey, verify } from '../crypto/verify.ts'
import { expectBytes, expectEqual, expectTrue } from './expect.ts'
import { createRandom } from './random.ts'

export type SignerContext = {
  /** A new key. */
  create(): Promise<Signer>
  /** The key of this seed. */
  fromSeed(seed: Uint8Array): Promise<Signer>
}

export type SignerCase = {
  readonly name: string
  run(context: SignerContext): Promise<void>
}

const SIZES = [0, 1, 63, 64, 65, 145, 4096]

export function signerCases(seed = 1): readonly SignerCase[] {
  return [
    {
      name: 'signs what verifies under its public key',
      async run({ create }) {
        const signer = await create()
        expectEqual(signer.publicKey.byteLength, 32, 'size of a public key')
        expectTrue(!isWeakPublicKey(signer.publicKey), 'a new key is not weak')
        for (const message of messages(seed)) {
          const signature = await signer.sign(message)
          expectEqual(signature.byteLength, 64, 'size of a signature')
          expectTrue(verify(signature, message, signer.publicKey), 'the signature verifies')
        }
      },
    },
    {
      name: 'gives the key and the signatures that RFC 8032 says for a seed',
      async run({ fromSeed }) {
        const secret = createRandom(seed).bytes(32)
        const [signer, oracle] = [await fromSeed(secret), signerFromSeed(secret)]
        expectBytes(signer.publicKey, publicKeyFromSeed(secret), 'public key')
        for (const message of messages(seed)) {
          expectBytes(await signer.sign(message), await oracle.sign(message), 'signature')
        }
      },
    },
    {
      name: 'does not verify for another message, key or signature',
      async run({ create }) {
        const [signer, other] = [await create(), await create()]
        const message = createRandom(seed).bytes(80)
        const signature = await signer.sign(message)
        expectTrue(!verify(signature, message, other.publicKey), 'another key is refused')
        expectTrue(!verify(signature, flipped(message, 3), signer.publicKey), 'a changed message')
        expectTrue(!verify(flipped(signature, 40), message, signer.publicKey), 'a changed scalar')
      },
    },
    {
      name: 'signs a view into a larger buffer, and only that view',
      async run({ create }) {
        const signer = await create()
        const buffer = createRandom(seed).bytes(300)
        const signature = await signer.sign(buffer.subarray(100, 200))
        expectTrue(
          verify(signature, buffer.slice(100, 200), signer.publicKey),
          'the signature is over the view',
        )
      },
    },
    {
      name: 'signs many messages at once, each for itself',
      async run({ create }) {
        const signer = await create()
        const all = messages(seed)
        const signatures = await Promise.all(all.map((message) => signer.sign(message)))
        for (const [index, message] of all.entries()) {
          const signature = signatures[index] ?? new Uint8Array(0)
          expectTrue(verify(signature, message, signer.publicKey), `message ${index} verifies`)
        }
      },
    },
  ]
}

function messages(seed: number): readonly Uint8Array[] {
  const random = createRandom(seed)
  return SIZES.map((size) => random.bytes(size))
}

function flipped(bytes: Uint8Array, at: number): Uint8Array {
  return bytes.map((byte, index) => (index === at ? byte ^ 1 : byte))
}
