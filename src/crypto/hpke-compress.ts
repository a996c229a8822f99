/** Compression for boxes: deflate-raw by the platform's streams, and back with a bound.
 *  Keeps: never gives more than `sizeMax` bytes, whatever the input claims to hold. */

import { DecodeError } from '../bytes/reader.ts'

export function compress(bytes: Uint8Array): Promise<Uint8Array> {
  return pump(new CompressionStream('deflate-raw'), bytes, Number.POSITIVE_INFINITY)
}

/** Throws DecodeError for what is not deflate-raw, or holds more than `sizeMax` bytes. */
export async function decompress(bytes: Uint8Array, sizeMax: number): Promise<Uint8Array> {
  try {
    return await pump(new DecompressionStream('deflate-raw'), bytes, sizeMax)
  } catch (error) {
    if (error instanceof DecodeError) throw error
    throw new DecodeError('the compressed bytes are malformed')
  }
}

async function pump(
  stream: CompressionStream | DecompressionStream,
  bytes: Uint8Array,
  sizeMax: number,
): Promise<Uint8Array> {
  const writer = stream.writable.getWriter()
  // What goes wrong while writing shows while reading, where it is handled.
  const written = writer.write(copyOf(bytes)).then(() => writer.close())
  written.catch(() => undefined)
  const chunks: Uint8Array[] = []
  let size = 0
  const reader: ReadableStreamDefaultReader<Uint8Array> = stream.readable.getReader()
  for (;;) {
    const { done, value } = await reader.read()
    if (done) break
    size += value.byteLength
    if (size > sizeMax) {
      await reader.cancel()
      throw new DecodeError(`it unpacks to more than ${sizeMax} bytes`)
    }
    chunks.push(value)
  }
  return joined(chunks, size)
}

/** Streams take no views of shared memory, and by the types none that might be. */
function copyOf(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(bytes)
}

function joined(chunks: readonly Uint8Array[], size: number): Uint8Array {
  const whole = new Uint8Array(size)
  let at = 0
  for (const chunk of chunks) {
    whole.set(chunk, at)
    at += chunk.byteLength
  }
  return whole
}
