/** Failures of opening, closing and importing that more than one file of this room tells. */

import { ConstelliteError } from '../base/failure.ts'

export function closed(): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrClosed',
    message: 'The database is closed.',
    hint: 'Call open() again for a new handle.',
  })
}

export function notEmpty(seq: bigint): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrNotEmpty',
    message: `An import needs a database that has nothing yet; this one has ${seq} frames.`,
    hint: 'Import under a new name, or leave the option `import` out once it has been imported.',
    facts: { seq },
  })
}

export function notConfigured(stage: string, hint: string): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrNotConfigured',
    message: `Nothing here can reach the stage "${stage}".`,
    hint,
    facts: { stage },
  })
}

export function aborted(signal: { readonly reason?: unknown } | undefined): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrAborted',
    message: 'The call was aborted by its signal.',
    hint: 'Nothing of it was kept.',
    cause: signal?.reason,
  })
}
