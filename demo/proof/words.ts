/** Words: numbers, bytes and failures as the terminal shows them. */

import { isFailure } from '../../src/base/failure.ts'

const GROUPED = new Intl.NumberFormat('en', { useGrouping: true })

/** 192512 as "192 512". */
export function grouped(value: number | bigint): string {
  return GROUPED.format(value).replaceAll(',', ' ')
}

/** The first half of a state root is enough to compare by eye. */
export function short(hex: string): string {
  return `${hex.slice(0, 16)}…`
}

/** One line for a person: what went wrong and what to do. */
export function explain(error: unknown): string {
  if (isFailure(error)) {
    return `${error.code}: ${error.message}${error.hint === '' ? '' : ` ${error.hint}`}`
  }
  return error instanceof Error ? error.message : String(error)
}
