/** Control operations as values: what a control frame can say about the shard itself (FORMATS §8).
 *  The fields stand in the order in which control.ts encodes them; limits are at the end. */

import type { Seq } from '../base/ids.ts'
import type { Roster } from './roster.ts'

export type GenesisOperation = {
  readonly op: 'genesis'
  readonly name: string
  readonly mode: 'ordered' | 'causal'
  readonly owner: Uint8Array
  /** H("constellite recovery v1"; key) of a key that may sign hand-overs too. */
  readonly recoveryHash: Uint8Array | undefined
  /** Who makes writers: the owner's hand-overs, or grants. */
  readonly writers: 'hand-overs' | 'grants'
  readonly roster: Roster | undefined
  /** Shard id of the log that decides serialisable transactions. */
  readonly decider: Uint8Array | undefined
  readonly random: Uint8Array
}

export type HandOverOperation = {
  readonly op: 'hand-over'
  readonly epoch: bigint
  readonly author: Uint8Array
  /** Seq and prev of the frame that this operation is. */
  readonly fromSeq: Seq
  readonly prev: Uint8Array
  readonly signer: Uint8Array
  readonly signature: Uint8Array
}

export type GrantFields = {
  readonly key: Uint8Array
  readonly role: 'reader' | 'writer'
  /** '' for the whole shard. */
  readonly scope: string
  /** Milliseconds since the Unix epoch. */
  readonly expiry: bigint | undefined
  readonly signer: Uint8Array
  readonly signature: Uint8Array
}

export type EnrolOperation = {
  readonly op: 'enrol'
  readonly author: Uint8Array
  readonly grant: GrantFields
  readonly encryptionKey: Uint8Array | undefined
}

export type GrantOperation = { readonly op: 'grant' } & GrantFields

export type CloseOperation = {
  readonly op: 'close'
  readonly author: Uint8Array
  readonly seq: Seq
  readonly checksum: Uint8Array
  readonly reason: string
  readonly signer: Uint8Array
  readonly signature: Uint8Array
}

export type RekeyOperation = {
  readonly op: 'rekey'
  readonly generation: bigint
  /** Data keys, each sealed for the author whose key is `recipient`. */
  readonly keys: readonly { readonly recipient: Uint8Array; readonly wrapped: Uint8Array }[]
}

export type EraseOperation = {
  readonly op: 'erase'
  readonly checksum: Uint8Array
  readonly section: number
}

export type ImportOperation = {
  readonly op: 'import'
  readonly pageSize: number
  readonly pageCount: number
  readonly root: Uint8Array
}

export type RosterOperation = { readonly op: 'roster'; readonly roster: Roster }

export type ControlOperation =
  | GenesisOperation
  | HandOverOperation
  | EnrolOperation
  | GrantOperation
  | CloseOperation
  | RekeyOperation
  | EraseOperation
  | ImportOperation
  | RosterOperation

export const NAME_BYTES_MAX = 1024
export const GENESIS_RANDOM_BYTES = 16
export const SCOPE_BYTES_MAX = 1024
export const REASON_BYTES_MAX = 1024
export const ENCRYPTION_KEY_BYTES_MAX = 4096
export const WRAPPED_BYTES_MAX = 4096
export const WRAPPED_KEYS_MAX = 1024
export const PAGE_SIZE_LOG2_MIN = 9
export const PAGE_SIZE_LOG2_MAX = 16
