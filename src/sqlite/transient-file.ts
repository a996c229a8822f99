/** Transient files: rollback journals, temporary tables and sorts of SQLite, as runs of blocks.
 *  Keeps: blocks live in memory up to a cap shared by all files of an engine, then in one spill file
 *  that is emptied at open, whenever no block is in it and at close.
 *  Never: syncs; nothing in here outlives the process, and nothing uncommitted survives recovery. */

import { ConstelliteError } from '../base/failure.ts'
import type { DeviceFile } from '../storage/device.ts'

export const TRANSIENT_BLOCK_BYTES: number = 64 * 1024
export const TRANSIENT_MEMORY_BYTES_MAX: number = 16 * 1024 * 1024

/** One block: bytes in memory, or an offset in the spill file. */
type Block = Uint8Array | number

export type BlockPool = {
  take(): Block
  give(block: Block): void
  read(block: Block, at: number, into: Uint8Array): void
  write(block: Block, at: number, bytes: Uint8Array): void
  readonly memoryBytes: number
  readonly spilledBytes: number
  close(): void
}

export function createBlockPool(options: {
  readonly memoryBytesMax: number
  readonly spill: DeviceFile | undefined
}): BlockPool {
  const { memoryBytesMax, spill } = options
  let memoryBytes = 0
  let spillEnd = 0
  let spilledBytes = 0
  let free: number[] = []
  spill?.truncate(0)
  const takeSpilled = (): number => {
    if (spill === undefined) throw transientFull(memoryBytesMax)
    spilledBytes += TRANSIENT_BLOCK_BYTES
    const again = free.pop()
    if (again !== undefined) return again
    spillEnd += TRANSIENT_BLOCK_BYTES
    return spillEnd - TRANSIENT_BLOCK_BYTES
  }
  const emptySpill = (): void => {
    spillEnd = 0
    free = []
    spill?.truncate(0)
  }
  return {
    get memoryBytes() {
      return memoryBytes
    },
    get spilledBytes() {
      return spilledBytes
    },
    take() {
      if (memoryBytes + TRANSIENT_BLOCK_BYTES > memoryBytesMax) return takeSpilled()
      memoryBytes += TRANSIENT_BLOCK_BYTES
      return new Uint8Array(TRANSIENT_BLOCK_BYTES)
    },
    give(block) {
      if (typeof block !== 'number') {
        memoryBytes -= TRANSIENT_BLOCK_BYTES
        return
      }
      spilledBytes -= TRANSIENT_BLOCK_BYTES
      free.push(block)
      if (spilledBytes === 0) emptySpill()
    },
    read(block, at, into) {
      if (typeof block !== 'number') into.set(block.subarray(at, at + into.byteLength))
      else spill?.read(block + at, into)
    },
    write(block, at, bytes) {
      if (typeof block !== 'number') block.set(bytes, at)
      else spill?.write(block + at, bytes)
    },
    close() {
      if (spillEnd > 0) emptySpill()
    },
  }
}

function transientFull(memoryBytesMax: number): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrQuota',
    message: `SQLite's temporary files passed ${memoryBytesMax} bytes of memory.`,
    hint: 'Give the engine a spill file, raise the limit, or work in smaller transactions.',
    facts: { memoryBytesMax },
  })
}

export type TransientFile = {
  readonly sizeBytes: number
  /** Fills `into`, with zeros past the end; false when there were too few bytes. */
  read(at: number, into: Uint8Array): boolean
  write(at: number, bytes: Uint8Array): void
  truncate(sizeBytes: number): void
  close(): void
}

const ZEROS = new Uint8Array(TRANSIENT_BLOCK_BYTES)

export function createTransientFile(pool: BlockPool): TransientFile {
  const blocks: Block[] = []
  let sizeBytes = 0
  const eachPiece = (
    at: number,
    bytes: Uint8Array,
    visit: (block: Block, offset: number, piece: Uint8Array) => void,
  ): void => {
    for (let done = 0; done < bytes.byteLength; ) {
      const index = Math.floor((at + done) / TRANSIENT_BLOCK_BYTES)
      const offset = at + done - index * TRANSIENT_BLOCK_BYTES
      const take = Math.min(bytes.byteLength - done, TRANSIENT_BLOCK_BYTES - offset)
      while (blocks.length <= index) blocks.push(pool.take())
      // The loop above has made the block.
      visit(blocks[index] as Block, offset, bytes.subarray(done, done + take))
      done += take
    }
  }
  /** A recycled block holds old bytes, so a gap between the end and `at` is written as zeros. */
  const growTo = (at: number): void => {
    while (sizeBytes < at) {
      const step = Math.min(at - sizeBytes, TRANSIENT_BLOCK_BYTES)
      eachPiece(sizeBytes, ZEROS.subarray(0, step), pool.write)
      sizeBytes += step
    }
  }
  /** One block stays with the open file, so that a journal does not allocate at every commit. */
  const releaseFrom = (count: number): void => {
    while (blocks.length > count) pool.give(blocks.pop() as Block)
  }
  return {
    get sizeBytes() {
      return sizeBytes
    },
    read(at, into) {
      const there = Math.max(0, Math.min(into.byteLength, sizeBytes - at))
      if (there > 0) eachPiece(at, into.subarray(0, there), pool.read)
      if (there === into.byteLength) return true
      into.fill(0, there)
      return false
    },
    write(at, bytes) {
      growTo(at)
      eachPiece(at, bytes, pool.write)
      sizeBytes = Math.max(sizeBytes, at + bytes.byteLength)
    },
    truncate(target) {
      growTo(target)
      sizeBytes = target
      releaseFrom(Math.max(1, Math.ceil(target / TRANSIENT_BLOCK_BYTES)))
    },
    close() {
      sizeBytes = 0
      releaseFrom(0)
    },
  }
}
