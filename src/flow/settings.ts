/** Settings: refuses numbers that a utility cannot work with, when it is made and not when it fails. */

import { ConstelliteError } from '../base/failure.ts'

export type Setting = {
  readonly name: string
  readonly value: number
  readonly min: number
  /** Default: no upper limit but that of exact integers. */
  readonly max?: number
}

/** A whole number in its range. */
export function wholeSetting(setting: Setting): number {
  if (!Number.isSafeInteger(setting.value)) throw refused(setting, 'a whole number')
  return rangedSetting(setting)
}

/** A number in its range, fractions allowed. */
export function rangedSetting(setting: Setting): number {
  const { value, min, max = Number.MAX_SAFE_INTEGER } = setting
  if (!(value >= min && value <= max)) throw refused(setting, `between ${min} and ${max}`)
  return value
}

function refused({ name, value }: Setting, expected: string): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrOption',
    message: `${name} must be ${expected}, not ${value}.`,
    hint: 'Mend the option; a utility never runs with a value that it would have to guess around.',
    facts: { name, value: String(value) },
  })
}
