/** `constellite/kernel`: hashing, checksums, signatures and page deltas in browsers; kernel.wasm lies
 *  beside the module, or where `loadKernel(url)` says. */

export type {
  BatchResult,
  Blake3,
  Crc,
  Delta,
  DeltaEncoding,
  Ed25519,
  HasherMode,
  Kernel,
  KernelHasher,
  PageDelta,
  SignedMessage,
} from '../crypto/kernel-interface.ts'
export { loadKernel } from '../crypto/kernel-load-browser.ts'
