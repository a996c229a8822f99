/** Failures of opening a shard or one of its files. */

import { ConstelliteError } from '../base/failure.ts'

export function notOpened(file: string): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrStorage',
    message: `The device did not open ${file}.`,
    hint: 'Its storage may be damaged or its permissions changed.',
    retry: 'after-repair',
  })
}

export function otherShard(): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrShardMismatch',
    message: 'This name already holds another shard.',
    hint: 'Follow the address under a new name.',
  })
}

export function otherKey(): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrIdentity',
    message: 'The author key is not the one that this copy was made with.',
    hint: 'The key file was replaced or lost.  Follow the shard under a new name, or take it over with the owner key.',
  })
}
