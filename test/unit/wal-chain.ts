/** What the tests of the log stage: a chain of frames, seals over it, start marks and a device that
 *  answers at once. */

import type { Host } from '../../src/base/host.ts'
import type { Hlc, Position, Seq } from '../../src/base/ids.ts'
import { toSeq } from '../../src/base/ids.ts'
import { buildFrame, type Frame, positionOf } from '../../src/frame/frame.ts'
import type { Seal } from '../../src/frame/seal.ts'
import type { Device } from '../../src/storage/device.ts'
import { createMemoryDevice, createMemoryDisk, type MemoryDisk } from '../../src/storage/memory.ts'
import { createManualHost } from '../../src/testing/manual-host.ts'
import type { StartMark } from '../../src/wal/records.ts'

export const SHARD: Uint8Array = new Uint8Array(32).fill(0x51)
export const AUTHOR: Uint8Array = new Uint8Array(32).fill(0xa1)
export const START: Position = { seq: toSeq(0), checksum: new Uint8Array(32) }

export type Chain = {
  readonly frames: readonly Frame[]
  readonly head: Position
  /** Makes and keeps the next frame. */
  add(payload: Uint8Array | number, options?: { continues?: boolean; author?: Uint8Array }): Frame
  /** Goes back to this frame: the next one stands beside what was after it. */
  rewind(position: Position): void
  /** Goes on after these frames. */
  restore(frames: readonly Frame[]): void
  seal(frame?: Frame): Seal
  mark(position?: Position): StartMark
}

export function createChain(): Chain {
  let frames: Frame[] = []
  let salt = 0
  const chain: Chain = {
    get frames() {
      return frames
    },
    get head() {
      const last = frames.at(-1)
      return last === undefined ? START : positionOf(last)
    },
    add(payload, options = {}) {
      const { seq, checksum } = chain.head
      salt += 1
      const bytes =
        typeof payload === 'number' ? new Uint8Array(payload).fill((salt * 37) & 0xff) : payload
      const frame = buildFrame({
        kind: 'entry',
        flags: { continues: options.continues ?? false },
        shard: SHARD,
        author: options.author ?? AUTHOR,
        epoch: options.author === undefined ? 0n : 1n,
        seq: toSeq(seq + 1n),
        prev: checksum,
        hlc: (1000n + BigInt(salt)) as Hlc,
        sections: [bytes],
      })
      frames = [...frames, frame]
      return frame
    },
    rewind(position) {
      frames = frames.slice(0, Number(position.seq))
    },
    restore(kept) {
      frames = [...kept]
    },
    seal(frame) {
      const of = frame ?? frames.at(-1)
      if (of === undefined) throw new Error('there is no frame to seal')
      const { author, epoch, seq, checksum } = of
      const root = new Uint8Array(32).fill(Number(seq & 0x7fn) + 1)
      const signature = new Uint8Array(64).fill(Number(seq & 0xffn))
      return { shard: SHARD, author, epoch, seq, checksum, root, signature }
    },
    mark: (position = chain.head) => markAt(position),
  }
  return chain
}

export function markAt(position: Position): StartMark {
  return {
    shard: SHARD,
    mode: 'ordered',
    ownAuthor: AUTHOR,
    owner: 0,
    position,
    head: undefined,
    epoch: 0n,
    pageSize: 4096,
    pageCount: 3,
    autoVacuum: 0,
    seal: undefined,
    authority: [],
    installed: undefined,
    requests: [],
    holders: [],
    pageFile: 'pages-0',
  }
}

export function seqs(frames: readonly { readonly seq: Seq }[]): readonly number[] {
  return frames.map((frame) => Number(frame.seq))
}

export type Storage = {
  readonly host: Host
  readonly disk: MemoryDisk
  open(): Promise<Device>
}

/** A disk in memory, and devices on it; a new one is what a restarted process has. */
export function createStorage(seed = 1): Storage {
  const host = createManualHost({ seed })
  const disk = createMemoryDisk()
  return {
    host,
    disk,
    async open() {
      disk.owner = undefined
      const device = createMemoryDevice(host, disk)
      await device.acquire()
      return device
    },
  }
}
