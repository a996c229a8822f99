/** `constellite/kernel`: hashing, checksums, signatures and page deltas on Node, Deno and Bun.
 *  Browsers get kernel-browser.ts and workerd kernel-workerd.ts under the same name. */

export type * from '../crypto/kernel-interface.ts'
export { loadKernel } from '../crypto/kernel-load-node.ts'
