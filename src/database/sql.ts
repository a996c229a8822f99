/** SQL with values: tagged templates, fragments that nest, lists and names.
 *  Keeps: a value is always a bound parameter, never text; a name is always quoted.
 *  Never: reads the SQL itself. */

import { ConstelliteError } from '../base/failure.ts'
import {
  type CheckedParameters,
  checkParameters,
  checkValue,
  PARAMETERS_MAX,
  tooMany,
} from './parameters.ts'
import type { CallOptions, Sql, SqlInput, SqlParameters, SqlValue } from './types.ts'

/** One statement as it travels to SQLite. */
export type Query = { readonly sql: string; readonly parameters: CheckedParameters }

/** What is behind a `Sql`.  Plain data, so that two copies of this module in a realm understand each
 *  other. */
type Fragment = {
  readonly constelliteSql: true
  readonly text: string
  readonly values: readonly SqlValue[]
}

/** A piece of SQL for use inside others: sql`WHERE id = ${id}`. */
export function sql(strings: TemplateStringsArray, ...values: readonly (SqlInput | Sql)[]): Sql {
  const joined = join(strings, values)
  return toSql(joined.text, joined.values)
}

/** A parenthesised list of values: sql`… WHERE id IN ${list(ids)}`. */
export function list(values: Iterable<SqlInput>): Sql {
  const checked = Array.from(values, (value, index) => checkValue(value, `list item ${index + 1}`))
  if (checked.length > PARAMETERS_MAX) throw tooMany(checked.length)
  return toSql(`(${checked.map(() => '?').join(', ')})`, checked)
}

/** A quoted identifier: name('note') is "note", name('temp', 'note') is "temp"."note". */
export function name(...parts: readonly [string, ...string[]]): Sql {
  const quoted = parts.map((part) => {
    if (typeof part !== 'string' || part === '' || part.includes('\0')) {
      throw new ConstelliteError({
        code: 'ErrParameter',
        message: 'An identifier is a text that is not empty and has no NUL.',
        hint: "Give the name of a table or column: name('note').",
      })
    }
    return `"${part.replaceAll('"', '""')}"`
  })
  return toSql(quoted.join('.'), [])
}

/** Arguments of a face method: a template, a fragment, or text with parameters. */
export type StatementArguments = readonly [unknown, ...unknown[]]

/** What a method was called with, as a query and options. */
export function parseStatement(given: readonly unknown[]): {
  readonly query: Query
  readonly options: CallOptions
} {
  const [first, second, third] = given
  if (isTemplate(first)) {
    const { text, values } = join(first, given.slice(1))
    return { query: { sql: text, parameters: values }, options: {} }
  }
  if (isFragment(first)) {
    const options = checkCallOptions(second)
    return { query: { sql: first.text, parameters: first.values }, options }
  }
  if (typeof first !== 'string') {
    throw new ConstelliteError({
      code: 'ErrParameter',
      message: 'A statement is a text, a tagged template or a fragment.',
      hint: "Write db.run`INSERT …`, db.run(sql`INSERT …`) or db.run('INSERT …', [values]).",
    })
  }
  // The types allow nothing else here; checkParameters refuses what came past them.
  const parameters = checkParameters(second as SqlParameters | undefined)
  return { query: { sql: first, parameters }, options: checkCallOptions(third) }
}

export function checkCallOptions(options: unknown): CallOptions {
  if (options === undefined) return {}
  const isObject = typeof options === 'object' && options !== null
  const unknownName = isObject ? Object.keys(options).find((key) => key !== 'signal') : ''
  if (unknownName !== undefined) {
    throw new ConstelliteError({
      code: 'ErrOption',
      message: isObject ? `A call has no option "${unknownName}".` : 'Options are an object.',
      hint: 'The only option of a call is `signal`.',
    })
  }
  return options as CallOptions
}

function join(
  strings: TemplateStringsArray,
  given: readonly unknown[],
): { readonly text: string; readonly values: readonly SqlValue[] } {
  let text = strings[0] as string
  const values: SqlValue[] = []
  for (const [index, value] of given.entries()) {
    if (isFragment(value)) {
      text += value.text
      values.push(...value.values)
    } else {
      text += '?'
      values.push(checkValue(value, `value ${index + 1} of the template`))
    }
    text += strings[index + 1] as string
  }
  if (values.length > PARAMETERS_MAX) throw tooMany(values.length)
  return { text, values }
}

function isTemplate(value: unknown): value is TemplateStringsArray {
  return Array.isArray(value) && Array.isArray((value as { raw?: unknown }).raw)
}

function isFragment(value: unknown): value is Fragment {
  return typeof value === 'object' && value !== null && 'constelliteSql' in value
}

function toSql(text: string, values: readonly SqlValue[]): Sql {
  const fragment: Fragment = { constelliteSql: true, text, values }
  // `Sql` is opaque to readers; this is its only representation.
  return fragment as unknown as Sql
}
