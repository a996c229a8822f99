/** Key store: where one copy of a database keeps its keys.  An *author key* is made with the copy and
 *  deleted with it; an *owner key* is kept here only when nobody gave one.
 *  Keeps: a key is kept durably before it is used, so that a crash never leaves frames whose author
 *  nobody can be any more; a kept key is never overwritten.
 *  Never: hands out a secret; it hands out signers. */

import { ConstelliteError } from '../base/failure.ts'
import type { Signer } from '../crypto/signer.ts'

export type KeyName = 'author' | 'owner'

export type KeysStored = 'file' | 'indexeddb' | 'durable-object' | 'memory'

export type KeyStore = {
  readonly stored: KeysStored
  /** The kept key, or undefined.  Rejects with ErrIdentity when what is kept cannot be used. */
  load(name: KeyName): Promise<Signer | undefined>
  /** Makes a key, keeps it durably, then answers.  Rejects with ErrIdentity when one is kept. */
  create(name: KeyName): Promise<Signer>
  /** Deletes every key of this copy. */
  remove(): Promise<void>
  close(): Promise<void>
}

export const KEY_NAMES: readonly KeyName[] = ['author', 'owner']

/** What `create` rejects with when a key of this name is kept already. */
export function keyExists(name: KeyName): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrIdentity',
    message: `This copy has an ${name} key already.`,
    hint: 'A key is never overwritten; remove the copy, then make it anew.',
    facts: { name },
  })
}
