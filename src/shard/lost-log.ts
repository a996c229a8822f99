/** Lost log: refuses to make a database where only its log is missing. */

import { ConstelliteError } from '../base/failure.ts'
import type { Device } from '../storage/device.ts'
import { pageFileName } from './state.ts'

const PAGE_FILES: readonly string[] = [pageFileName(0), pageFileName(1)]

/** Pages without a log: something was deleted.  A new genesis over them would be a silent loss.  Empty
 *  files are what a making that was cut short leaves behind. */
export async function refuseLostLog(device: Device): Promise<void> {
  const kept = (await device.list()).filter((name) => PAGE_FILES.includes(name))
  const files = await device.open(kept)
  const sizes = files.map((file) => file.size())
  for (const file of files) file.close()
  const lost = kept.find((_, index) => sizes[index] !== 0)
  if (lost === undefined) return
  throw new ConstelliteError({
    code: 'ErrCorrupt',
    message: `The log of this database is missing, though ${lost} holds pages.`,
    hint: 'Put the log files back, or restore the folder from a backup; to begin anew, remove the database first.',
    facts: { file: lost },
  })
}
