/** Parts: a stream of bytes cut into pieces, read and written field by field with bounded memory.
 *  Keeps: how the stream was cut changes nothing; a reader holds one part and one field at a time.
 *  Never: outlives its source; `close` ends the iterator, so that whoever feeds it can let go. */

import { DecodeError } from '../bytes/reader.ts'

export type PartsReader = {
  /** The next `sizeBytes`, which the caller has checked against a limit.  Throws DecodeError when the
   *  stream ends before. */
  take(sizeBytes: number): Promise<Uint8Array>
  isAtEnd(): Promise<boolean>
  close(): Promise<void>
}

/** Above this an array for a field is grown as its bytes arrive: a header may promise anything. */
const ALLOCATE_BYTES_MAX = 1_048_576

export function createPartsReader(parts: AsyncIterable<Uint8Array>): PartsReader {
  const iterator = parts[Symbol.asyncIterator]()
  let part: Uint8Array = new Uint8Array(0)
  let offset = 0
  let isDone = false

  /** False at the end of the stream. */
  const fill = async (): Promise<boolean> => {
    while (offset === part.byteLength) {
      const next = isDone ? undefined : await iterator.next()
      if (next === undefined || next.done === true) {
        isDone = true
        return false
      }
      part = next.value
      offset = 0
    }
    return true
  }
  return {
    async take(sizeBytes) {
      let field: Uint8Array = new Uint8Array(Math.min(sizeBytes, ALLOCATE_BYTES_MAX))
      for (let at = 0; at < sizeBytes; ) {
        if (!(await fill())) throw new DecodeError(`needs ${sizeBytes - at} bytes past its end`)
        const count = Math.min(sizeBytes - at, part.byteLength - offset)
        field = withRoom(field, at, Math.min(sizeBytes, at + count))
        field.set(part.subarray(offset, offset + count), at)
        offset += count
        at += count
      }
      return field.byteLength === sizeBytes ? field : field.slice(0, sizeBytes)
    },
    isAtEnd: async () => !(await fill()),
    async close() {
      if (!isDone) await iterator.return?.()
      isDone = true
    },
  }
}

/** Gathers bytes and hands them on in parts of exactly `partBytes`, the last one shorter. */
export type PartsWriter = {
  /** The parts that became full. */
  put(bytes: Uint8Array): Generator<Uint8Array>
  /** The rest, if any. */
  end(): Generator<Uint8Array>
}

export function createPartsWriter(partBytes: number): PartsWriter {
  let part = new Uint8Array(partBytes)
  let size = 0
  return {
    *put(bytes) {
      for (let at = 0; at < bytes.byteLength; ) {
        const count = Math.min(partBytes - size, bytes.byteLength - at)
        part.set(bytes.subarray(at, at + count), size)
        size += count
        at += count
        if (size < partBytes) continue
        // The receiver keeps what it got, so each part has its own buffer.
        yield part
        part = new Uint8Array(partBytes)
        size = 0
      }
    },
    *end() {
      if (size > 0) yield part.subarray(0, size)
      size = 0
    },
  }
}

function withRoom(field: Uint8Array, size: number, sizeNext: number): Uint8Array {
  if (sizeNext <= field.byteLength) return field
  const grown = new Uint8Array(Math.max(sizeNext, field.byteLength * 2))
  grown.set(field.subarray(0, size))
  return grown
}
