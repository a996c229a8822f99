/** `constellite/frame`: reading, checking and making frames, seals, sealed runs, receipts and addresses,
 *  without a database, for whoever verifies a history elsewhere.  Pure: no storage, no network. */

export { ConstelliteError, isFailure, type Result } from '../base/failure.ts'
export { type Address, formatAddress, parseAddress } from '../frame/address.ts'
export { type Authority, authorityFrames, readAuthority } from '../frame/authority.ts'
export { decodeControl, encodeControl } from '../frame/control.ts'
export { checksumOf, decodeFrame, encodeFrame, type Frame, shardIdOf } from '../frame/frame.ts'
export { type Genesis, readGenesis } from '../frame/genesis.ts'
export { type HandOver, verifyHandOver } from '../frame/hand-over.ts'
export { decodeReceipt, encodeReceipt, type Receipt, verifyReceipt } from '../frame/receipt.ts'
export { decodeRun, encodeRun, type SealedRun } from '../frame/run.ts'
export { type RunFile, readRunFile } from '../frame/run-file.ts'
export { decodeSeal, encodeSeal, type Seal, verifySeal } from '../frame/seal.ts'
export { type PageProof, verifyPageProof } from '../pages/proof.ts'
