/** `constellite/kernel`: hashing, checksums, signatures and page deltas in workerd, whose
 *  bundler takes kernel.wasm as a static import. */

export type * from '../crypto/kernel-interface.ts'
export { loadKernel } from '../crypto/kernel-load-workerd.ts'
