/** Passphrase to seed: Argon2id (RFC 9106), by default with its second recommended parameters: 64 MiB, three
 *  passes, four lanes.
 *  Keeps: the same passphrase, however it was typed (Unicode NFKC), salt and cost give the same seed.
 *  Refused where a program may not compile WebAssembly at run time (workerd): derive the seed elsewhere and
 *  keep it as a secret there.  Checked first, because the library hangs after a compilation that failed. */

import { argon2id } from 'hash-wasm'
import { ConstelliteError } from '../base/failure.ts'
import { wholeSetting } from '../flow/settings.ts'

export const PASSPHRASE_SEED_BYTES = 32
/** What a new salt should have; 8 is the least. */
export const PASSPHRASE_SALT_BYTES = 16

export type PassphraseOptions = {
  readonly passphrase: string
  /** 16 random bytes, kept beside what is encrypted; at least 8. */
  readonly salt: Uint8Array
  /** Default 65 536. */
  readonly memoryKib?: number
  /** Default 3. */
  readonly passes?: number
  /** Default 4. */
  readonly lanes?: number
}

const EMPTY_MODULE = new Uint8Array([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0])

export async function seedOfPassphrase(options: PassphraseOptions): Promise<Uint8Array> {
  const { passphrase, salt, memoryKib = 65_536, passes = 3, lanes = 4 } = options
  const parallelism = wholeSetting({ name: 'lanes', value: lanes, min: 1, max: 64 })
  const iterations = wholeSetting({ name: 'passes', value: passes, min: 1, max: 1000 })
  const memory = { name: 'memoryKib', value: memoryKib, min: 8 * lanes, max: 1_048_576 }
  const saltSize = { name: 'salt.byteLength', value: salt.byteLength, min: 8, max: 1024 }
  wholeSetting(saltSize)
  wholeSetting({ name: 'passphrase.length', value: passphrase.length, min: 1 })
  assertCompiles()
  return argon2id({
    password: passphrase.normalize('NFKC'),
    salt,
    parallelism,
    iterations,
    memorySize: wholeSetting(memory),
    hashLength: PASSPHRASE_SEED_BYTES,
    outputType: 'binary',
  })
}

function assertCompiles(): void {
  try {
    new WebAssembly.Module(EMPTY_MODULE)
  } catch (cause) {
    throw new ConstelliteError({
      code: 'ErrNotConfigured',
      message: 'Passphrases need WebAssembly compiled at run time, which this runtime forbids.',
      hint: 'Derive the seed elsewhere and hand it to this program as a secret.',
      cause,
    })
  }
}
