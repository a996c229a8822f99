/** `constellite/testing`: the conformance suites of the seams, for whoever writes another device, key store
 *  or signer; a host that a test moves by hand; a disk in memory, and one that loses power.  A suite is a
 *  list of named cases; any runner runs it. */

export { createMemoryKeyStore } from '../identity/key-store-memory.ts'
export type { Device, DeviceFile } from '../storage/device.ts'
export { createFaultyDisk, type FaultyDisk, type FaultyDiskOptions } from '../storage/faulty.ts'
export { createMemoryDevice, createMemoryDisk, type MemoryDisk } from '../storage/memory.ts'
export { type DeviceCase, type DeviceContext, deviceCases } from '../testing/device-suite.ts'
export {
  type KeyStoreCase,
  type KeyStoreContext,
  keyStoreCases,
} from '../testing/key-store-suite.ts'
export {
  createManualHost,
  type ManualHost,
  type ManualHostOptions,
} from '../testing/manual-host.ts'
export { createRandom, type Random } from '../testing/random.ts'
export { type SignerCase, type SignerContext, signerCases } from '../testing/signer-suite.ts'
export {
  type TransportCase,
  type TransportContext,
  transportCases,
} from '../testing/transport-suite.ts'
export { createMemoryHub, type Faults, type MemoryHub } from '../transport/memory.ts'
