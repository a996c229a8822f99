/** Storage report: what the shard measured of its files, with what the platform says of the whole site. */

import type { Shard } from '../shard/shard.ts'
import type { StorageReport } from './types.ts'

export async function reportStorage({
  shard,
  siteUsage,
}: {
  readonly shard: Pick<Shard, 'usage'>
  siteUsage(): Promise<StorageReport['site']>
}): Promise<StorageReport> {
  const site = await siteUsage()
  const usage = await shard.usage()
  const { log, pages, leavesBytes, snapshotBytes, keptBytes, otherBytes } = usage
  const totalBytes =
    log.sizeBytes + pages.sizeBytes + leavesBytes + snapshotBytes + keptBytes + otherBytes
  return { site, totalBytes, ...usage }
}
