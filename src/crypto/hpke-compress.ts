/** Compression for boxes: deflate-raw by the platform's streams, and back with a bound.
 *
 *  | offset | size | field |
 *  |---|---|---|
 *  | 0 | 4 | plain size |
 *  | 4 | n | deflate-raw (RFC 1951) |
 *
 *  Keeps: never gives more than `sizeMax` bytes, whatever the input claims to hold; what was cut short is
 *  refused also where the platform's stream takes it for whole (Deno 2.9 does), hence the plain size. */

import { createReader, DecodeError } from '../bytes/reader.ts'
import { createWriter } from '../bytes/writer.ts'

const SIZE_BYTES = 4

export async function compress(bytes: Uint8Array): Promise<Uint8Array> {
  const packed = await pump(new CompressionStream('deflate-raw'), bytes, Number.POSITIVE_INFINITY)
  return createWriter(SIZE_BYTES + packed.byteLength)
    .u32(bytes.byteLength)
    .bytes(packed)
    .finish()
}

/** Throws DecodeError for what is not deflate-raw of its plain size, or holds more than `sizeMax` bytes. */
export async function decompress(bytes: Uint8Array, sizeMax: number): Promise<Uint8Array> {
  const reader = createReader(bytes)
  const size = reader.u32()
  if (size > sizeMax) throw new DecodeError(`it unpacks to more than ${sizeMax} bytes`)
  const plain = await inflate(reader.view(reader.remaining), size)
  if (plain.byteLength !== size) throw new DecodeError('the compressed bytes are malformed')
  return plain
}

async function inflate(bytes: Uint8Array, size: number): Promise<Uint8Array> {
  try {
    return await pump(new DecompressionStream('deflate-raw'), bytes, size)
  } catch {
    // The platforms' own words differ; more bytes than the plain size are malformed too.
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
      throw new DecodeError('it unpacks to more than its plain size')
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
