/** `constellite/testing`: the conformance suites of the seams, for whoever writes another device, key store
 *  or signer, and a host that a test moves by hand.  A suite is a list of named cases; any runner runs it. */

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
