/** Images of a log as bytes, and recovery from them. */

import type { Frame } from '../../src/frame/frame.ts'
import { FILE_HEADER_BYTES } from '../../src/wal/layout.ts'
import { type RecoveredLog, recoverLog } from '../../src/wal/recover.ts'
import { scanSegment } from '../../src/wal/scan.ts'
import { findSegmentHeader } from '../../src/wal/segment-header.ts'
import { createWal, type Wal } from '../../src/wal/wal.ts'
import { createChain, createStorage, markAt, START, type Storage } from './wal-chain.ts'

/** Files of a log as bytes, to be changed. */
export type Image = Map<string, Uint8Array>

export function imageOf(storage: Storage): Image {
  return new Map(
    [...storage.disk.files].map(([name, file]) => {
      const bytes = new Uint8Array(file.size)
      file.read(0, bytes)
      return [name, bytes]
    }),
  )
}

export function recover(image: Image, repair = false): ReturnType<typeof recoverLog> {
  const files = [...image].map(([name, bytes]) => ({
    name,
    sizeBytes: bytes.byteLength,
    start: bytes.subarray(0, FILE_HEADER_BYTES),
    load: () => bytes,
  }))
  return recoverLog(files, { repair })
}

export function recovered(image: Image, repair = false): RecoveredLog {
  const result = recover(image, repair)
  if (!result.ok) throw result.failure
  if (result.value === undefined) throw new Error('there is a log')
  return result.value
}

export function framesOf(log: RecoveredLog): readonly Frame[] {
  return log.records.flatMap(({ record }) => (record.type === 'frames' ? record.frames : []))
}

export async function create(storage: Storage): Promise<Wal> {
  return createWal({ host: storage.host, device: await storage.open(), mark: markAt(START) })
}

/** One segment with `count` groups of one frame each behind the start mark. */
export async function logOf(
  count: number,
  hostSeed = 1,
): Promise<{ image: Image; chain: ReturnType<typeof createChain> }> {
  const storage = createStorage(hostSeed)
  const chain = createChain()
  const wal = await create(storage)
  for (let index = 0; index < count; index++) {
    wal.stage({ type: 'frames', frames: [chain.add(40 + index)] })
    await wal.flush()
  }
  return { image: imageOf(storage), chain }
}

export function only(image: Image): Uint8Array {
  const bytes = image.get('log-0')
  if (bytes === undefined || image.size !== 1) throw new Error('the log is one file')
  return bytes
}

/** Where each group of a segment begins. */
export function groupsOf(bytes: Uint8Array): readonly number[] {
  const found = findSegmentHeader(bytes)
  if (found.type !== 'segment') throw new Error('a segment begins with a header')
  const { groups } = scanSegment(bytes, { ...found.header, lastGroup: undefined, owner: 0 })
  return groups.map((group) => group.at)
}

/** Three segments, all held: marks at 0, 4 and 8, nine frames. */
export async function segmentsOf(): Promise<{
  image: Image
  chain: ReturnType<typeof createChain>
}> {
  const storage = createStorage()
  const chain = createChain()
  const wal = await create(storage)
  wal.hold('relay', START.seq)
  for (const end of [4, 8]) {
    while (chain.frames.length < end) {
      wal.stage({ type: 'frames', frames: [chain.add(60), chain.add(60)] })
      await wal.flush()
    }
    await wal.beginSegment(markAt(chain.head))
  }
  wal.stage({ type: 'frames', frames: [chain.add(60)] })
  await wal.flush()
  wal.stage({ type: 'seal', seal: chain.seal() })
  await wal.flush()
  return { image: imageOf(storage), chain }
}
