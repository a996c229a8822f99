/** `constellite/hpke`: boxes for the holder of a secret key, with X-Wing, which is safe from quantum computers.
 *  Needs `@hpke/core` and `@hpke/hybridkem-x-wing` installed beside this package. */

export { ConstelliteError, isFailure } from '../base/failure.ts'
export {
  BOX_BYTES,
  createHpkeBox,
  createHpkeKeys,
  type HpkeBox,
  type HpkeBoxOptions,
  type HpkeKeys,
  hpkeKeysOf,
} from '../crypto/hpke-box.ts'
export { createHost } from '../platform/host-portable.ts'
