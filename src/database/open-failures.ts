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

/** For a transaction that reads a follower while a snapshot is installed. */
export function replaced(): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrSnapshotTooOld',
    message: 'A snapshot replaced the database while this transaction read it.',
    hint: 'Begin again: it then reads the newer state.',
    retry: 'later',
  })
}

export function notOurs(): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrReadOnly',
    message: 'A copy that follows another takes no import.',
    hint: 'Import on the writer, before anything is written there.',
  })
}

export function otherRecovery(): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrIdentity',
    message: 'The database was not made with this recovery key.',
    hint: 'The recovery key is fixed when a database is made: give the same one, or leave it out.',
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

export function tooManyHolders(holders: number, relays: number): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrNotConfigured',
    message: `${holders} holders are asked for, and this database publishes through ${relays} relay${relays === 1 ? '' : 's'}.`,
    hint: 'Ask for fewer, or name more relays: publish({ via: [websocket(url), websocket(url)] }).',
    facts: { holders, relays },
  })
}

/** A migration failed after an import that came with it: the import is one step of its own. */
export function importStands(failure: ConstelliteError): ConstelliteError {
  const { code, message, facts, retry, sqlite, cause } = failure
  return new ConstelliteError({
    code,
    message,
    hint: 'The import stands, and earlier migrations too. Mend the text and open again without `import`.',
    facts,
    retry,
    cause,
    ...(sqlite === undefined ? {} : { sqlite }),
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

export function noRelay(): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrOption',
    message: 'The address names no relay, and "via" names none either.',
    hint: 'Say where to ask: follow(address, { via: [websocket(url)] }).',
    facts: { option: 'via' },
  })
}

export function unnamableRelay(cause: ConstelliteError): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrOption',
    message: `The relays in "via" cannot stand in the address of this database. ${cause.message}`,
    hint: 'Name each with websocket(url), where url is a short wss: or ws: URL.',
    facts: { option: 'via' },
    cause,
  })
}

export function notDurable(reason: string): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrNotDurable',
    message: `This storage cannot promise to survive power loss${reason === '' ? '' : `: ${reason}`}.`,
    hint: 'Leave `durable` out to use it all the same; `status.storage` says what it can do.',
    facts: { reason },
  })
}

export function otherWriter(): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrShardMismatch',
    message: 'This name holds a copy of a database that another copy writes.',
    hint: 'Follow it: sync: follow(address), and call takeOver to become its writer.  To publish a database of your own use a new name.',
  })
}

export function ownWriter(): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrShardMismatch',
    message: 'This name holds the copy that writes the database at this address.',
    hint: 'Open it with sync: publish({ via }), or follow it under a new name.',
  })
}
