/** Call options: what `export` and `takeOver` can be asked for, checked before anything is touched.
 *  Keeps: an unknown option is refused and never ignored. */

import type { CoreTakeOver } from './core.ts'
import { KEY_BYTES, refuse, refuseUnknown } from './options.ts'
import type { TakeOverOptions } from './types.ts'

/** Where an export goes, or which file is asked for; neither for a Blob of the database. */
export function checkExportTarget(target: unknown): { path?: string; file?: string } {
  if (target === undefined) return {}
  if (typeof target !== 'object' || target === null) {
    throw refuse('export', 'Call export() for a Blob, or export({ path }) for a file.')
  }
  refuseUnknown(target, ['path', 'file'], 'export')
  for (const text of Object.values(target)) {
    if (typeof text !== 'string' || text === '') throw refuse('export', 'A path is a text.')
  }
  // Its values were just looked at.
  return target as { path?: string; file?: string }
}

/** The seed that was given, as a copy for the caller to wipe. */
export function checkTakeOver(options: TakeOverOptions): CoreTakeOver {
  refuseUnknown(options, ['key', 'lossy'], 'takeOver')
  const { key, lossy = false } = options
  if (typeof lossy !== 'boolean') throw refuse('lossy', 'Give true or false.')
  const seed = key instanceof Uint8Array ? key : key?.seed
  if (key !== undefined && !(seed instanceof Uint8Array && seed.length === KEY_BYTES)) {
    throw refuse('key', 'Give the 32 bytes of `seed` from createIdentity().')
  }
  return { key: seed?.slice(), isLossy: lossy }
}
