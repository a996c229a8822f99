/** Frames: what the page's log shows, read from the shard as it moves.
 *  Keeps: nothing is taken on trust: each checksum is recomputed, each signature checked, once more.
 *  Never: holds the shard up: notes are gathered and told together. */

import { toSeq } from '../../src/base/ids.ts'
import { equalBytes } from '../../src/bytes/compare.ts'
import { formatHex } from '../../src/bytes/text.ts'
import type { ShardView } from '../../src/database/assemble.ts'
import { checksumOf, type Frame } from '../../src/frame/frame.ts'
import { FRAME_HEADER_BYTES } from '../../src/frame/layout.ts'
import { type Seal, verifySeal } from '../../src/frame/seal.ts'
import type { FrameNote, FromWorker, SealNote } from './messages.ts'

const TELL_MS = 40
/** Frames of an earlier session that are shown when a database opens. */
const OLD_FRAMES_MAX = 50n
/** Payload read at once; the frames of a run are read in one pass over the log, single ones in one each. */
const READ_BYTES_MAX = 1_048_576
const UNSEALED_READ_MAX = 8n

/** Answers a way to tell the newest again, to a window that came later. */
export function watchFrames(shard: ShardView, tell: (message: FromWorker) => void): () => void {
  let frames: FrameNote[] = []
  let told: FrameNote[] = []
  let newestSeal: SealNote | undefined
  let seals: SealNote[] = []
  let timer: ReturnType<typeof setTimeout> | undefined
  let last: Known = { seq: 0n, checksum: undefined }

  /** Notes what the log has after `last`; what is not flushed yet comes with the next event. */
  const read = (origin: FrameNote['origin'], from: bigint): void => {
    const first = shard.range()?.first ?? 0n
    const start = first > from ? first : from
    if (start > last.seq + 1n) last = { seq: start - 1n, checksum: undefined }
    const take = (frame: Frame): void => {
      frames.push(noteOf(frame, origin, last.checksum))
      last = frame
    }
    for (;;) {
      const run = shard.readRun(toSeq(last.seq + 1n), READ_BYTES_MAX)
      if (run === undefined) break
      for (const frame of run.frames) take(frame)
    }
    // What is not sealed yet; after more than a few the seal is not far.
    if (shard.head.seq - last.seq > UNSEALED_READ_MAX) return
    for (let seq = last.seq + 1n; seq <= shard.head.seq; seq++) {
      const frame = shard.readFrame(toSeq(seq))
      if (frame === undefined) return
      take(frame)
    }
  }
  let origin: FrameNote['origin'] = 'log'
  const tellNow = (): void => {
    timer = undefined
    read(origin, 0n)
    tell({ type: 'notes', frames, seals })
    told = [...told, ...frames].slice(-Number(OLD_FRAMES_MAX))
    newestSeal = seals.at(-1) ?? newestSeal
    frames = []
    seals = []
  }
  const soon = (): void => {
    if (timer === undefined) timer = setTimeout(tellNow, TELL_MS)
  }
  const noteSeal = (seal: Seal): void => {
    const { seq, root, author } = seal
    const isGood = verifySeal(seal)
    seals.push({ seq, root: formatHex(root), author: formatHex(author), isGood })
    soon()
  }

  read('log', shard.head.seq - OLD_FRAMES_MAX)
  // Older than the log: a snapshot, or folded into the page file.
  if (last.seq < shard.head.seq) last = shard.head
  if (shard.newestSeal !== undefined) noteSeal(shard.newestSeal)
  soon()

  shard.onSeal(noteSeal)
  shard.onAdvance((advance) => {
    if (advance.origin === 'installed') {
      frames.push(snapshotNote(advance.position))
      last = advance.position
    } else origin = advance.origin
    soon()
  })
  return () => {
    clearTimeout(timer)
    tellNow()
    tell(asOld(told, newestSeal))
  }
}

/** For a window that has not seen them arrive. */
function asOld(frames: readonly FrameNote[], seal: SealNote | undefined): FromWorker {
  const old = frames.map((note): FrameNote => ({ ...note, origin: 'log' }))
  return { type: 'notes', frames: old, seals: seal === undefined ? [] : [seal] }
}

type Known = { readonly seq: bigint; readonly checksum: Uint8Array | undefined }

function noteOf(
  frame: Frame,
  origin: FrameNote['origin'],
  before: Uint8Array | undefined,
): FrameNote {
  const isRecomputed = equalBytes(checksumOf(frame), frame.checksum)
  return {
    seq: frame.seq,
    kind: frame.kind,
    origin,
    sizeBytes: FRAME_HEADER_BYTES + frame.payloadBytes,
    author: formatHex(frame.author),
    checksum: formatHex(frame.checksum),
    isChained: isRecomputed && (before === undefined || equalBytes(frame.prev, before)),
  }
}

/** The shard installed it only after it had recomputed the state root that the seal signs. */
function snapshotNote(position: {
  readonly seq: bigint
  readonly checksum: Uint8Array
}): FrameNote {
  return {
    seq: position.seq,
    kind: 'snapshot',
    origin: 'installed',
    sizeBytes: undefined,
    author: undefined,
    checksum: formatHex(position.checksum),
    isChained: true,
  }
}
