/** `constellite/passphrase`: a seed out of a passphrase by Argon2id, for `Encryptor` of
 *  `constellite/utilities`.  Needs `hash-wasm` installed beside this package. */

export { ConstelliteError, isFailure } from '../base/failure.ts'
export {
  PASSPHRASE_SALT_BYTES,
  type PassphraseOptions,
  seedOfPassphrase,
} from '../crypto/encryptor-passphrase.ts'
