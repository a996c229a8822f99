/** Keys of one copy: its author key, and the owner key where this copy can sign hand-overs.
 *  Keeps: a copy's author key is made once, when the copy is; an owner key is made only for a new shard
 *  and only when none was given.  A given owner key is never stored.
 *  Never: shares an author key between copies. */

import { fail, type Result, succeed } from '../base/failure.ts'
import { equalBytes } from '../bytes/compare.ts'
import type { Signer } from '../crypto/signer.ts'
import { SEED_BYTES, signerFromSeed } from '../crypto/signer-kernel.ts'
import type { Genesis } from '../frame/genesis.ts'
import type { KeyStore, KeysStored } from './key-store.ts'

export type CopyKeys = {
  readonly author: Signer
  /** The given identity, else the kept owner key, if any. */
  readonly owner: Signer | undefined
  /** True when this copy alone keeps the owner key. */
  readonly ownerIsKept: boolean
  readonly stored: KeysStored
}

export type IdentityStatus = {
  readonly publicKey: Uint8Array
  readonly stored: KeysStored
  readonly recoverable: boolean
}

export type CopyKeysOptions = {
  /** Seed of the owner key. */
  readonly identity?: Uint8Array | undefined
  /** True for a copy that begins a shard of its own: it needs an owner key. */
  readonly beginsShard: boolean
}

/** Loads the keys of a copy, making what is missing.  Rejects with ErrIdentity. */
export async function openCopyKeys(store: KeyStore, options: CopyKeysOptions): Promise<CopyKeys> {
  const { identity, beginsShard } = options
  const given = identity === undefined ? undefined : ownerFrom(identity)
  if (given !== undefined && !given.ok) throw given.failure
  // The owner's first: a crash in between leaves no author key, so the copy still counts as new.
  const kept = given === undefined ? await keptOwner(store, beginsShard) : undefined
  const author = (await store.load('author')) ?? (await store.create('author'))
  return {
    author,
    owner: given?.value ?? kept,
    ownerIsKept: kept !== undefined,
    stored: store.stored,
  }
}

/** What `status.identity` says.  A shard is recoverable when its owner gave an `identity` or a `recovery`
 *  key, so that losing this copy does not lose its name. */
export function identityStatus(keys: CopyKeys, genesis: Genesis | undefined): IdentityStatus {
  const { author, stored } = keys
  const recoverable = wasIdentityGiven(keys, genesis) || genesis?.recoveryHash !== undefined
  return { publicKey: author.publicKey, stored, recoverable }
}

/** Now, or when this copy made the shard: it keeps the owner key exactly when it had to make one.  What
 *  another copy was given is not known here. */
function wasIdentityGiven(keys: CopyKeys, genesis: Genesis | undefined): boolean {
  const { author, owner, ownerIsKept } = keys
  if (owner !== undefined) return !ownerIsKept
  return genesis !== undefined && equalBytes(author.publicKey, genesis.author)
}

/** The owner's signer, refused where it is not the one that the genesis names: an `identity` given
 *  later must be the same, or nobody would notice a mistyped one before it is needed. */
export function checkOwner(keys: CopyKeys, genesis: Genesis): Result<void> {
  const { owner, ownerIsKept } = keys
  if (owner === undefined || ownerIsKept || equalBytes(owner.publicKey, genesis.owner)) {
    return succeed(undefined)
  }
  return fail({
    code: 'ErrIdentity',
    message: 'The given identity is not the owner of this shard.',
    hint: 'Give the seed with which the database was made, or leave `identity` out.',
    facts: { given: owner.publicKey, owner: genesis.owner },
  })
}

async function keptOwner(store: KeyStore, beginsShard: boolean): Promise<Signer | undefined> {
  const kept = await store.load('owner')
  if (kept !== undefined || !beginsShard) return kept
  return await store.create('owner')
}

function ownerFrom(identity: Uint8Array): Result<Signer> {
  if (identity.byteLength === SEED_BYTES) return succeed(signerFromSeed(identity))
  return fail({
    code: 'ErrIdentity',
    message: `An identity is a seed of ${SEED_BYTES} bytes; this has ${identity.byteLength}.`,
    hint: 'Pass the `seed` that createIdentity() gave.',
  })
}
