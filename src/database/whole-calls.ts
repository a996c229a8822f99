/** Whole calls: what a handle offers about the database as a whole: files in and out, verification, taking
 *  it over.  Keeps: options are checked before the database is opened; the seed of a take-over is copied at
 *  the call and wiped when it is answered. */

import { wipe } from '../crypto/secret.ts'
import { checkExportTarget, checkTakeOver } from './call-options.ts'
import type { Core } from './core.ts'
import type { Life } from './life.ts'
import { checkImportOptions, checkImportSource } from './options.ts'
import type { Database } from './types.ts'

export function createWholeCalls(
  /** Keeps the process alive while it runs. */
  asked: <T>(work: () => Promise<T>) => Promise<T>,
  core: () => Promise<Core>,
  unlessAborted: Life['unlessAborted'],
): Pick<Database, 'export' | 'import' | 'verify' | 'storage' | 'takeOver'> {
  return {
    export: ((target?: unknown) =>
      asked(async () => {
        const { path, file } = checkExportTarget(target)
        const opened = await core()
        if (file !== undefined) return opened.exportKept(file)
        return path === undefined ? opened.exportFile() : opened.exportTo(path)
        // Overloads, told apart by the argument.
      })) as Database['export'],
    import: (source, options = {}) =>
      asked(async () => {
        checkImportSource(source)
        const checked = checkImportOptions(options)
        const work = async () => (await core()).importFile(source, checked)
        return unlessAborted(work(), checked.signal)
      }),
    verify: () => asked(async () => (await core()).verify()),
    storage: () => asked(async () => (await core()).storage()),
    takeOver: (options = {}) =>
      asked(async () => {
        const checked = checkTakeOver(options)
        try {
          return await (await core()).takeOver(checked)
        } finally {
          if (checked.key !== undefined) wipe(checked.key)
        }
      }),
  }
}
