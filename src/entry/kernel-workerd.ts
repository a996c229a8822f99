/** `constellite/kernel`: hashing, checksums, signatures and page deltas in workerd, whose
 *  bundler takes kernel.wasm as a static import. */

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
export { loadKernel } from '../crypto/kernel-load-workerd.ts'
