/** Target: one decoder under fuzzing: real inputs to begin with, and what its answers must keep.
 *  Keeps: `decode` answers how the input was taken, in a few words; a refusal is a typed failure that it
 *  throws; every other thing thrown is a breach, and so is ErrInternal.
 *  Never: reads a clock or rolls dice; the runner does. */

import { ConstelliteError, isFailure } from '../../src/base/failure.ts'
import { equalBytes } from '../../src/bytes/compare.ts'
import { formatHex } from '../../src/bytes/text.ts'
import type { Random } from '../../src/testing/random.ts'
import type { World } from './world.ts'

export type Decode = (input: Uint8Array) => string | Promise<string>

export type Target = {
  readonly name: string
  /** What of src it runs, as `room/file.ts function`; a test compares it with the sources. */
  readonly reaches: readonly string[]
  readonly seeds: (world: World) => readonly Uint8Array[] | Promise<readonly Uint8Array[]>
  readonly decoder: (world: World) => Decode | Promise<Decode>
  /** Beside the general mutations: one that knows the format, so that checksums and lengths fit again. */
  readonly reshape?: (input: Uint8Array, tools: ReshapeTools) => Uint8Array
  /** What one decode may allocate beyond `ALLOCATION_FACTOR` times its input.  Default 1 MiB. */
  readonly allocatesBytesMax?: number
  /** Default 16 KiB. */
  readonly inputBytesMax?: number
  /** Mutants in one `npm test`.  Default 2000. */
  readonly testRuns?: number
  /** Real inputs are refused as well: what they lack is made anew every time. */
  readonly acceptsNothing?: true
  /** Shares of the time of a timed run.  Default 1. */
  readonly shares?: number
}

export type ReshapeTools = {
  readonly random: Random
  /** The general mutations of a part. */
  mutate(part: Uint8Array): Uint8Array
}

/** An answer that no input may get. */
export class Breach extends Error {
  override readonly name = 'Breach'
}

/** The refusal of a decoder that answers it as a value. */
export function refused(what: string): ConstelliteError {
  return new ConstelliteError({ hint: 'Try it.', code: 'ErrDecode', message: what })
}

export function mustHold(condition: boolean, what: string): void {
  if (!condition) throw new Breach(what)
}

/** What was accepted is encoded as it was: one encoding for one value. */
export function mustBeCanonical(encoded: Uint8Array, input: Uint8Array): void {
  if (equalBytes(encoded, input)) return
  throw new Breach(
    `it was accepted and encodes to other bytes: ${formatHex(encoded).slice(0, 400)}`,
  )
}

/** Names what signed bytes were accepted; anything that was never signed is a breach. */
export type SignedSet = { mustHave(bytes: Uint8Array, what: string): void }

export function createSignedSet(signed: readonly Uint8Array[]): SignedSet {
  const known = new Set(signed.map(formatHex))
  return {
    mustHave(bytes, what) {
      mustHold(known.has(formatHex(bytes)), `${what} was accepted and never signed`)
    },
  }
}

/** The outcome of one decode as a behaviour: inputs with a new one are worth keeping. */
export async function behaviourOf(decode: Decode, input: Uint8Array): Promise<string> {
  try {
    return `accepted ${await decode(input)}`
  } catch (error) {
    if (isFailure(error) && error.code !== 'ErrInternal') return describeRefusal(error)
    throw error
  }
}

/** Without the numbers and texts of this one input. */
export function describeRefusal({ code, message }: ConstelliteError): string {
  const words = message
    .replace(/"[\s\S]*"/g, '"…"')
    .replace(/'[\s\S]*'/g, "'…'")
    .replace(/\d+/g, '#')
    .replace(/[^\x20-\x7e]+/g, '?')
  return `${code} ${words.slice(0, 120)}`
}

const utf8 = new TextDecoder()
const encoder = new TextEncoder()

export function textOf(input: Uint8Array): string {
  return utf8.decode(input)
}

export function bytesOf(text: string): Uint8Array {
  return encoder.encode(text)
}
