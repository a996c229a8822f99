/** Repair: makes a copy usable again whose log has lost something that was flushed (DESIGN §5, Log).
 *  It goes on from what is before the damage, and only when the pages give the root of the newest seal there:
 *  the page file may hold pages of what was lost.  Frames behind that seal follow from its state and are kept.
 *  A copy that follows and cannot do that begins anew.
 *  Keeps: all of it is decided before a byte is changed; what is given up stays in a file, whole; a crash in
 *  between leaves a copy that is refused or that is repaired.
 *  Never: makes a database where there is one. */

import { ConstelliteError, isFailure } from '../base/failure.ts'
import type { Host } from '../base/host.ts'
import { type Seq, toSeq } from '../base/ids.ts'
import { equalBytes, isZero } from '../bytes/compare.ts'
import { type Seal, verifySeal } from '../frame/seal.ts'
import { rebuildPageTree } from '../pages/rebuild.ts'
import type { Device } from '../storage/device.ts'
import { recordsUpTo } from '../wal/replay.ts'
import { copyLog, removeLog, salvageLog } from '../wal/salvage.ts'
import { openWal, type Recovery, type WalOptions } from '../wal/wal.ts'
import { notOpened, otherKey, otherShard } from './open-failures.ts'
import { pagesOf, replay } from './recover.ts'
import { removeSlot } from './slot.ts'
import { leavesFileName, pageFileName, slotOf } from './state.ts'

export type RepairRequest = {
  readonly host: Host
  readonly device: Device
  readonly wal: WalOptions
  /** Public key of this copy's author. */
  readonly ownAuthor: Uint8Array
  /** The shard that it is to follow. */
  readonly followed: Uint8Array | undefined
  readonly onProgress: (fraction: number) => void
}

export type Repaired = {
  /** The newest frame before the damage; 0 where a copy that follows begins anew. */
  readonly seq: Seq
  /** How many frames beyond it the damaged log was seen to name. */
  readonly frames: number
  /** What keeps the damaged log (wal/salvage.ts). */
  readonly file: string
}

/** Undefined when the log can be opened as it is.  Throws ErrCorrupt, with nothing changed, when what is left
 *  gives no state that a seal names. */
export async function repairShard(request: RepairRequest): Promise<Repaired | undefined> {
  const { device, followed, ownAuthor } = request
  const { plain, repaired, newestSeq } = await salvageLog(device)
  if (plain.ok) return undefined
  const left = repaired.ok ? repaired.value : undefined
  if (left === undefined) throw beyondRepair(plain.failure)
  if (followed !== undefined && !equalBytes(followed, left.mark.shard)) throw otherShard()
  if (!equalBytes(left.mark.ownAuthor, ownAuthor)) throw otherKey()
  const seal = newestSealOf(left)
  const isSound = seal !== undefined && (await givesRoot(request, left, seal))
  if (!isSound && (followed === undefined || hasWritten(left, ownAuthor))) {
    throw beyondRepair(plain.failure)
  }
  const file = await nameOfCopy(device)
  await copyLog(device, file)
  if (isSound) await cutLog(request, left)
  else await beginAnew(device)
  const seq = isSound ? left.position.seq : toSeq(0)
  return { seq, frames: Math.max(0, Number(newestSeq - seq)), file }
}

/** The newest seal of a whole transaction at or past where the log begins. */
function newestSealOf({ mark, records, position }: Recovery): Seal | undefined {
  let newest = mark.seal
  for (const { record } of records) {
    if (record.type !== 'seal' || isZero(record.seal.root)) continue
    if (record.seal.seq <= position.seq) newest = record.seal
  }
  return newest !== undefined && newest.seq >= mark.position.seq ? newest : undefined
}

/** Whether the page file and what is left of the log give the state that the seal names.  Images that the log
 *  has are never of a later one: a fold begins with a seal. */
async function givesRoot(
  { device, host, onProgress }: RepairRequest,
  left: Recovery,
  seal: Seal,
): Promise<boolean> {
  if (!verifySeal(seal)) return false
  const [file] = await device.open([pageFileName(slotOf(left.mark))])
  if (file === undefined) throw notOpened('the page file')
  try {
    const pages = pagesOf(left.mark, file)
    const { head } = replay({ ...left, records: recordsUpTo(left.records, seal.seq) }, pages)
    const { version, pageSize } = pages
    const tree = await rebuildPageTree({
      pageCount: pages.pageCount(version),
      pageSize,
      readPage: (pgno, target) => pages.read(pgno, version, target, 0),
      onProgress: (done, count) => onProgress(done / count),
      host,
    })
    return equalBytes(head.checksum, seal.checksum) && equalBytes(tree.root(), seal.root)
  } catch (error) {
    if (isFailure(error)) return false
    throw error
  } finally {
    file.close()
  }
}

/** Whether any frame of it is this copy's own: what only it has is not given up. */
function hasWritten({ mark, records }: Recovery, ownAuthor: Uint8Array): boolean {
  const frames = records.flatMap(({ record }) => (record.type === 'frames' ? record.frames : []))
  return [...mark.authority, ...frames].some(({ author }) => equalBytes(author, ownAuthor))
}

export function isDamagedName(name: string): boolean {
  return /^damaged-\d+\.log$/.test(name)
}

async function nameOfCopy(device: Device): Promise<string> {
  const names = await device.list()
  let number = 1
  while (names.includes(`damaged-${number}.log`)) number += 1
  return `damaged-${number}.log`
}

/** The log ends before the damage, and the leaves are hashed again: theirs may be of pages that were lost. */
async function cutLog(
  { host, device, wal: options }: RepairRequest,
  left: Recovery,
): Promise<void> {
  const [leaves] = await device.open([leavesFileName(slotOf(left.mark))])
  leaves?.truncate(0)
  await leaves?.sync()
  leaves?.close()
  const opened = await openWal({ host, device, options: { ...options, repair: true } })
  await opened?.wal.close()
}

/** Pages first: without them, what a crash leaves of the log is refused. */
async function beginAnew(device: Device): Promise<void> {
  for (const slot of [0, 1] as const) await removeSlot(device, slot)
  await removeLog(device)
}

function beyondRepair(cause: ConstelliteError): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrCorrupt',
    message: 'The log is damaged, and what is left of it gives no state that was sealed.',
    hint: 'Nothing was changed.  Follow the shard from a relay under a new name, or restore the folder from a backup.',
    retry: 'after-repair',
    facts: cause.facts,
    cause,
  })
}
