/** Parameters: the values that SQLite takes, checked before they travel.
 *  Keeps: what arrives in SQLite is what was given; nothing is converted silently but booleans.
 *  Never: keeps a reference to the caller's bytes, which may change before the statement runs. */

import { ConstelliteError } from '../base/failure.ts'
import type { SqlParameters, SqlValue } from './types.ts'

/** SQLite's SQLITE_MAX_VARIABLE_NUMBER (https://sqlite.org/limits.html#max_variable_number). */
export const PARAMETERS_MAX = 32_766
const INTEGER_MIN = -(2n ** 63n)
const INTEGER_MAX = 2n ** 63n - 1n
const SURROGATE = /[\ud800-\udfff]/
const LONE_SURROGATE = /\p{Surrogate}/u

export type CheckedParameters = readonly SqlValue[] | Readonly<Record<string, SqlValue>>

export function checkParameters(parameters: SqlParameters | undefined): CheckedParameters {
  if (parameters === undefined) return []
  if (Array.isArray(parameters)) {
    if (parameters.length > PARAMETERS_MAX) throw tooMany(parameters.length)
    return parameters.map((value, index) => checkValue(value, `parameter ${index + 1}`))
  }
  if (!isPlainObject(parameters)) {
    throw refuse('the parameters', 'Give an array, or an object from name to value.')
  }
  const checked: Record<string, SqlValue> = {}
  for (const [name, value] of Object.entries(parameters)) {
    checked[name] = checkValue(value, `parameter "${name}"`)
  }
  return checked
}

/** `value` as SQLite takes it; `what` names it in the failure. */
export function checkValue(value: unknown, what: string): SqlValue {
  switch (typeof value) {
    case 'string':
      if (SURROGATE.test(value) && LONE_SURROGATE.test(value)) {
        throw refuse(what, 'It has half of a surrogate pair, which UTF-8 cannot carry.')
      }
      return value
    case 'number':
      if (Number.isNaN(value)) {
        throw refuse(what, 'NaN would be stored as NULL; give null if that is meant.')
      }
      return value
    case 'bigint':
      if (value < INTEGER_MIN || value > INTEGER_MAX) {
        throw refuse(what, 'SQLite integers have 64 bits; store it as text.')
      }
      return value
    case 'boolean':
      return value ? 1 : 0
    case 'object':
      return checkObject(value, what)
    default:
      throw refuse(
        what,
        value === undefined ? UNDEFINED_HINT : `A ${typeof value} has no SQL value.`,
      )
  }
}

const UNDEFINED_HINT =
  'It is undefined: a property that is missing, or a call without await. Give null for NULL.'

function checkObject(value: object | null, what: string): SqlValue {
  if (value === null) return null
  if (value instanceof Uint8Array) return Uint8Array.from(value)
  if (value instanceof Date) {
    throw refuse(what, 'A Date: store date.toISOString() as text or date.getTime() as an integer.')
  }
  if (Array.isArray(value)) {
    throw refuse(what, 'An array: use list(values) inside IN (…), or JSON.stringify(value).')
  }
  if (value instanceof ArrayBuffer || ArrayBuffer.isView(value)) {
    throw refuse(what, 'Bytes are given as a Uint8Array: new Uint8Array(buffer).')
  }
  if (typeof (value as { then?: unknown }).then === 'function') {
    throw refuse(what, 'A promise: await it first.')
  }
  throw refuse(what, 'An object: choose its columns, or store JSON.stringify(value).')
}

function isPlainObject(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  if (value instanceof Uint8Array || value instanceof Date || value instanceof ArrayBuffer) {
    return false
  }
  return true
}

export function tooMany(count: number): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrParameter',
    message: `${count} parameters are more than SQLite takes in one statement.`,
    hint: 'Pass one JSON text and read it with json_each: IN (SELECT value FROM json_each(?)).',
    facts: { count, countMax: PARAMETERS_MAX },
  })
}

function refuse(what: string, hint: string): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrParameter',
    message: `SQLite cannot take ${what}.`,
    hint,
    facts: { what },
  })
}
