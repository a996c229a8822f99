/** Command: what every command of `constellite` has, and how its options are read.
 *  Keeps: an unknown option or a missing value is a usage failure (exit code 2) that names it; help is
 *  for a newcomer: what it does, an example, every option with its default.
 *  Never: writes secrets or paths to anywhere but where it was asked to. */

import { type ParseArgsConfig, parseArgs } from 'node:util'
import { ConstelliteError } from '../base/failure.ts'

export const EXIT_OK = 0
export const EXIT_FAILURE = 1
export const EXIT_USAGE = 2

/** Where a command speaks; standard output carries results only, so that it can be piped. */
export type Terminal = {
  out(line: string): void
  /** Progress and warnings, on standard error. */
  note(line: string): void
  /** Aborts when the user wants the program to end. */
  readonly interrupted: AbortSignal
}

export type Command = {
  readonly name: string
  /** One line for the list of commands. */
  readonly summary: string
  readonly help: string
  /** Answers the exit code; throws what went wrong. */
  run(args: readonly string[], terminal: Terminal): Promise<number>
}

type Options = NonNullable<ParseArgsConfig['options']>

export type Parsed<T extends Options> = ReturnType<
  typeof parseArgs<{ options: T; allowPositionals: true; strict: true; args: string[] }>
>

export function parseOptions<T extends Options>(args: readonly string[], options: T): Parsed<T> {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true, strict: true })
  } catch (error) {
    // Node says what is wrong in its message: an unknown option, or one without its value.
    throw usageFailure(error instanceof Error ? firstSentence(error.message) : String(error))
  }
}

/** Something about the call itself; the program answers it with exit code 2. */
export function usageFailure(message: string, hint = ''): ConstelliteError {
  return new ConstelliteError({ code: 'ErrOption', message, hint, facts: { usage: true } })
}

export function isUsage(failure: ConstelliteError): boolean {
  return failure.facts['usage'] === true
}

/** A whole number within bounds, or the default when the option was not given. */
export function parseNumber(
  text: string | undefined,
  bounds: {
    readonly option: string
    readonly otherwise: number
    readonly min: number
    readonly max: number
  },
): number {
  if (text === undefined) return bounds.otherwise
  const value = Number(text)
  if (/^\d+$/.test(text) && value >= bounds.min && value <= bounds.max) return value
  throw usageFailure(
    `--${bounds.option} takes a whole number from ${bounds.min} to ${bounds.max}, not "${text}".`,
  )
}

/** "512MiB", "2GiB", "4096". */
export function parseSize(text: string | undefined, option: string, otherwise: number): number {
  if (text === undefined) return otherwise
  const match = /^(\d{1,12})(KiB|MiB|GiB|TiB)?$/i.exec(text)
  const unit = match?.[2]?.toLowerCase()
  const bytes = Number(match?.[1]) * (unit === undefined ? 1 : (UNIT_BYTES[unit] ?? Number.NaN))
  if (Number.isSafeInteger(bytes) && bytes > 0) return bytes
  throw usageFailure(`--${option} takes a size such as 512MiB or 2GiB, not "${text}".`)
}

const UNIT_BYTES: Readonly<Record<string, number>> = {
  kib: 1024,
  mib: 1024 ** 2,
  gib: 1024 ** 3,
  tib: 1024 ** 4,
}

function firstSentence(message: string): string {
  return `${message.split('. ')[0]?.replace(/\.$/, '')}.`
}
