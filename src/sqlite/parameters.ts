/** Parameters: binds JavaScript values to a statement.
 *  Keeps: every parameter gets exactly one value and every value is used, or ErrParameter says which;
 *  nothing is converted silently.  A number that is a safe integer is bound as INTEGER, any other as
 *  REAL; NaN is refused, because SQLite would store NULL.
 *  Never: names a value in a failure, only its place and type. */

import { ConstelliteError } from '../base/failure.ts'
import { SQLITE_OK } from './codes.ts'
import type { Scratch } from './heap.ts'
import type { Pointer, SqliteExports } from './module.ts'
import type { SqlParameters } from './values.ts'

export type BindTarget = {
  readonly pointer: Pointer
  /** One entry for each parameter: its name with prefix, or '' for a plain `?`. */
  readonly parameterNames: readonly string[]
}

const INT32_MIN = -0x8000_0000
const INT32_MAX = 0x7fff_ffff
const INT64_MIN = -0x8000_0000_0000_0000n
const INT64_MAX = 0x7fff_ffff_ffff_ffffn
/** SQLITE_STATIC: the scratch memory outlives the step, and bindings are cleared after it. */
const STATIC: Pointer = 0

/** Binds all parameters; answers SQLite's code of the first refusal, or OK. */
export function bindParameters(
  exports: SqliteExports,
  scratch: Scratch,
  target: BindTarget,
  parameters: SqlParameters | undefined,
): number {
  const { parameterNames } = target
  if (parameterNames.length === 0 && parameters === undefined) return SQLITE_OK
  const values = orderedValues(parameterNames, parameters ?? [])
  for (const [index, value] of values.entries()) {
    const code = bindValue(exports, scratch, target, index, value)
    if (code !== SQLITE_OK) return code
  }
  return SQLITE_OK
}

/** Untyped on purpose: callers in JavaScript pass anything, and that is what is checked here. */
function orderedValues(
  names: readonly string[],
  parameters: SqlParameters | null,
): readonly unknown[] {
  if (Array.isArray(parameters)) {
    if (parameters.length === names.length) return parameters
    throw parameterFailure(
      `The statement has ${names.length} parameters and got ${parameters.length} values.`,
      'Pass one value for each parameter, in order.',
    )
  }
  if (!isPlainObject(parameters)) {
    throw parameterFailure(
      'Parameters are an array of values or an object of named values.',
      'Pass [value, …] or { name: value, … }.',
    )
  }
  return namedValues(names, parameters)
}

function namedValues(
  names: readonly string[],
  parameters: Readonly<Record<string, unknown>>,
): readonly unknown[] {
  const unused = new Set(Object.keys(parameters))
  const values = names.map((name) => {
    if (name === '' || name.startsWith('?')) {
      throw parameterFailure(
        'The statement has a parameter without a name, and the values are named.',
        'Name every parameter (:name), or pass an array.',
      )
    }
    const bare = name.slice(1)
    const key = Object.hasOwn(parameters, bare) ? bare : name
    if (!Object.hasOwn(parameters, key)) {
      throw parameterFailure(`No value for the parameter ${name}.`, `Add ${bare} to the values.`)
    }
    unused.delete(key)
    return parameters[key]
  })
  for (const name of unused) {
    throw parameterFailure(`The statement has no parameter ${name}.`, 'Check the name.')
  }
  return values
}

function bindValue(
  exports: SqliteExports,
  scratch: Scratch,
  target: BindTarget,
  index: number,
  value: unknown,
): number {
  const { pointer } = target
  const place = index + 1
  if (value === null) return exports.sqlite3_bind_null(pointer, place)
  switch (typeof value) {
    case 'number':
      return bindNumber(exports, target, index, value)
    case 'string': {
      const text = scratch.putText(value)
      return exports.sqlite3_bind_text(pointer, place, text, scratch.sizeBytes, STATIC)
    }
    case 'bigint':
      if (value < INT64_MIN || value > INT64_MAX) {
        throw wrongValue(target, index, 'a bigint beyond 64 bits', 'Store it as text.')
      }
      return exports.sqlite3_bind_int64(pointer, place, value)
    default:
      if (!(value instanceof Uint8Array)) throw unusable(target, index, value)
      if (value.byteLength === 0) return exports.sqlite3_bind_zeroblob(pointer, place, 0)
      return exports.sqlite3_bind_blob(
        pointer,
        place,
        scratch.putBytes(value),
        value.byteLength,
        STATIC,
      )
  }
}

function bindNumber(
  exports: SqliteExports,
  target: BindTarget,
  index: number,
  value: number,
): number {
  const { pointer } = target
  const place = index + 1
  if (Number.isSafeInteger(value) && !Object.is(value, -0)) {
    if (value >= INT32_MIN && value <= INT32_MAX) {
      return exports.sqlite3_bind_int(pointer, place, value)
    }
    return exports.sqlite3_bind_int64(pointer, place, BigInt(value))
  }
  if (Number.isNaN(value)) {
    throw wrongValue(target, index, 'NaN', 'SQLite has no NaN and would store NULL: pass null.')
  }
  return exports.sqlite3_bind_double(pointer, place, value)
}

function unusable(target: BindTarget, index: number, value: unknown): ConstelliteError {
  if (value === undefined) {
    return wrongValue(target, index, 'undefined', 'Pass null for an absent value.')
  }
  if (typeof value === 'boolean') return wrongValue(target, index, 'a boolean', 'Pass 1 or 0.')
  if (value instanceof Date) {
    return wrongValue(target, index, 'a Date', 'Pass value.toISOString() or value.getTime().')
  }
  if (value instanceof ArrayBuffer || ArrayBuffer.isView(value)) {
    return wrongValue(target, index, 'a buffer of another kind', 'Pass a Uint8Array over it.')
  }
  if (Array.isArray(value)) {
    return wrongValue(target, index, 'an array', 'Expand it with list(values), or pass JSON text.')
  }
  if (typeof value === 'object') {
    return wrongValue(target, index, 'an object', 'Pass JSON.stringify(value) or its fields.')
  }
  return wrongValue(target, index, `a ${typeof value}`, 'Pass a value that SQLite has.')
}

function wrongValue(
  target: BindTarget,
  index: number,
  what: string,
  hint: string,
): ConstelliteError {
  const name = target.parameterNames[index] || `number ${index + 1}`
  return parameterFailure(`The parameter ${name} is ${what}, which SQLite cannot take.`, hint)
}

function parameterFailure(message: string, hint: string): ConstelliteError {
  return new ConstelliteError({ code: 'ErrParameter', message, hint })
}

function isPlainObject(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  // Another realm's Object.prototype is not ours, but it has no prototype of its own either.
  return prototype === null || Object.getPrototypeOf(prototype) === null
}
