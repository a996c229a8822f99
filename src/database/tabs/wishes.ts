/** Wishes: what the options of two tabs say about the one database that they share, and whether they agree.
 *  Keeps: a secret crosses as its hash; migrations agree where one list begins with the other, because an app
 *  that was updated runs beside tabs that still have its old version. */

import { ConstelliteError } from '../../base/failure.ts'
import { formatHex } from '../../bytes/text.ts'
import { type OpenOptions, type SyncDescriptor, sameData } from '../options.ts'

/** Of the options, those that say what the database is. */
export type Wishes = {
  readonly migrations: readonly string[] | undefined
  readonly sync: SyncDescriptor | undefined
  /** SHA-256 of the seed of the owner key. */
  readonly identity: string | undefined
  readonly recovery: string | undefined
  /** The storage must survive power loss. */
  readonly durable: boolean
}

/** `sha256` is the platform's, because pages load no kernel. */
export async function wishesOf(
  options: OpenOptions,
  sha256: (bytes: Uint8Array) => Promise<Uint8Array>,
): Promise<Wishes> {
  const { migrations, sync, identity, recovery, durable } = options
  return {
    migrations,
    sync,
    identity: identity === undefined ? undefined : formatHex(await sha256(identity)),
    recovery: recovery === undefined ? undefined : formatHex(recovery),
    durable: durable === true,
  }
}

/** The migrations that `guest` has beyond those of `owner`: all of its list, undefined where it has none.
 *  Throws ErrOptionsDiffer. */
export function missingMigrations(owner: Wishes, guest: Wishes): readonly string[] | undefined {
  for (const option of ['sync', 'identity', 'recovery'] as const) {
    if (!sameData(owner[option], guest[option])) throw differ(option)
  }
  const here = owner.migrations ?? []
  const there = guest.migrations ?? []
  if (!sameData(beginning(here, there), beginning(there, here))) throw differ('migrations')
  return there.length > here.length ? there : undefined
}

/** `list` as far as `other` reaches. */
function beginning(list: readonly string[], other: readonly string[]): readonly string[] {
  return list.slice(0, other.length)
}

function differ(option: string): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrOptionsDiffer',
    message: `Another tab has this database open with another "${option}".`,
    hint: 'Open it with the same options in every tab; reload or close those with the old ones.',
    facts: { option },
  })
}
