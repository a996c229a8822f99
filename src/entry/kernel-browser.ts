/** `constellite/kernel`: hashing, checksums, signatures and page deltas in browsers; kernel.wasm lies
 *  beside the module, or where `loadKernel(url)` says. */

export type * from '../crypto/kernel-interface.ts'
export { loadKernel } from '../crypto/kernel-load-browser.ts'
