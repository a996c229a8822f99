/** Bytes of a file held in memory, in chunks, so that growing never copies and holes cost nothing.
 *  Keeps: every byte that was never written, or was cut off, reads as zero. */

export type SparseBytes = {
  readonly size: number
  read(at: number, into: Uint8Array): number
  write(at: number, bytes: Uint8Array): void
  truncate(sizeBytes: number): void
  clone(): SparseBytes
}

const CHUNK_BYTES = 65_536

export function createSparseBytes(): SparseBytes {
  return fromChunks(0, [])
}

function fromChunks(
  initialSize: number,
  chunks: (Uint8Array<ArrayBuffer> | undefined)[],
): SparseBytes {
  let size = initialSize
  /** Calls `visit` for each chunk that [at, at + length) touches. */
  const visitChunks = (
    at: number,
    length: number,
    visit: (part: { index: number; start: number; offset: number; count: number }) => void,
  ): void => {
    for (let offset = 0; offset < length; ) {
      const index = Math.floor((at + offset) / CHUNK_BYTES)
      const start = (at + offset) % CHUNK_BYTES
      const count = Math.min(CHUNK_BYTES - start, length - offset)
      visit({ index, start, offset, count })
      offset += count
    }
  }
  return {
    get size() {
      return size
    },
    read(at, into) {
      const length = Math.max(0, Math.min(into.length, size - at))
      visitChunks(at, length, ({ index, start, offset, count }) => {
        const chunk = chunks[index]
        if (chunk === undefined) into.fill(0, offset, offset + count)
        else into.set(chunk.subarray(start, start + count), offset)
      })
      return length
    },
    write(at, bytes) {
      visitChunks(at, bytes.length, ({ index, start, offset, count }) => {
        chunks[index] ??= new Uint8Array(CHUNK_BYTES)
        chunks[index]?.set(bytes.subarray(offset, offset + count), start)
      })
      size = Math.max(size, at + bytes.length)
    },
    truncate(sizeBytes) {
      const keptChunks = Math.ceil(sizeBytes / CHUNK_BYTES)
      if (chunks.length > keptChunks) chunks.length = keptChunks
      // What is cut off must read as zeros if the file grows again.
      if (sizeBytes < size)
        chunks[keptChunks - 1]?.fill(0, sizeBytes - (keptChunks - 1) * CHUNK_BYTES)
      size = sizeBytes
    },
    clone: () =>
      fromChunks(
        size,
        chunks.map((chunk) => chunk?.slice()),
      ),
  }
}
