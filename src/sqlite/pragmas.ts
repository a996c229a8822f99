/** Pragmas: which of them SQL may set, and why not the others.  Pure: decides, never acts.
 *  Keeps: all callers of a database share its connection, so what is set must harm none of them; a value
 *  that SQLite would take for another (`treu` is off for it) is refused; one that would change nothing is
 *  allowed, so that tools which set the defaults work; asking is free.
 *  Never: repeats a value, which may be a key of another SQLite.  DESIGN §5 "Page VFS", STYLE "settings
 *  that do nothing are refused". */

import { ConstelliteError } from '../base/failure.ts'

export type PragmaFacts = {
  readonly pageSize: number
  /** 0 none, 1 full, 2 incremental: what the file says. */
  readonly autoVacuum: number
}

type Rule = {
  readonly allows: (value: string, facts: PragmaFacts) => boolean
  readonly reason: string
}

/** What `PRAGMA cache_size` may ask for; SQLite's memory never shrinks and is shared by databases. */
const CACHE_BYTES_LIMIT = 64 * 1024 * 1024

const OFF = ['0', 'off', 'no', 'false']
const SWITCH = [...OFF, '1', 'on', 'yes', 'true']

const oneOf =
  (...values: string[]) =>
  (value: string): boolean =>
    values.includes(value)

/** Decimal or 0x…, as SQLite reads it; NaN for anything else. */
function parseInteger(value: string): number {
  const match = /^([+-]?)(\d+|0x[\da-f]+)$/.exec(value)
  return match === null ? Number.NaN : Number(match[2]) * (match[1] === '-' ? -1 : 1)
}

const between =
  (least: number, most: number) =>
  (value: string): boolean => {
    const integer = parseInteger(value)
    return integer >= least && integer <= most
  }

function fitsCache(value: string, { pageSize }: PragmaFacts): boolean {
  const size = parseInteger(value)
  return (size < 0 ? -size * 1024 : size * pageSize) <= CACHE_BYTES_LIMIT
}

const INT32_MAX = 2 ** 31 - 1
const isSwitch: Rule = { allows: oneOf(...SWITCH), reason: 'It is either on or off.' }
const isInt32: Rule = {
  allows: between(-INT32_MAX, INT32_MAX),
  reason: 'It takes a whole number of 32 bits.',
}

/** Pragmas that may be set. */
const SETTABLE: Readonly<Record<string, Rule>> = {
  user_version: isInt32,
  application_id: isInt32,
  foreign_keys: isSwitch,
  defer_foreign_keys: isSwitch,
  recursive_triggers: isSwitch,
  trusted_schema: isSwitch,
  cell_size_check: isSwitch,
  automatic_index: isSwitch,
  secure_delete: { allows: oneOf(...SWITCH, 'fast'), reason: 'It is on, off or fast.' },
  cache_size: {
    allows: fitsCache,
    reason: `It takes pages or negative KiB, up to ${CACHE_BYTES_LIMIT >> 20} MiB: SQLite's memory never shrinks.`,
  },
  max_page_count: {
    allows: between(0, 2 ** 32 - 2),
    reason: 'It takes a whole number of pages.',
  },
  analysis_limit: isInt32,
  optimize: isInt32,
  incremental_vacuum: isInt32,
}

/** Pragmas whose argument says what is asked about. */
const QUESTIONS: ReadonlySet<string> = new Set([
  ...['table_info', 'table_xinfo', 'table_list', 'index_list', 'index_info', 'index_xinfo'],
  ...['foreign_key_list', 'foreign_key_check', 'integrity_check', 'quick_check'],
])

const AUTO_VACUUM_NAMES: readonly (readonly string[])[] = [
  ['0', 'none'],
  ['1', 'full'],
  ['2', 'incremental'],
]

const MEMORY = "SQLite's memory is shared by all databases; a limit would stop them all."
const FLUSH = 'Every commit is answered after its flush, and no setting skips that.'
const JOURNAL = 'The log of Constellite is the journal and makes its own checkpoints.'
const TEMPORARY = 'Temporary files are kept by Constellite, in memory up to a limit.'
const ENCRYPTION = 'This SQLite does not encrypt.'
const SCHEMA = 'The schema changes by CREATE, ALTER and DROP only.'

const rule = (reason: string, ...same: string[]): Rule => ({ allows: oneOf(...same), reason })

/** Pragmas that may not be set but to what they are. */
const FIXED: Readonly<Record<string, Rule>> = {
  page_size: {
    allows: (value, facts) => value === String(facts.pageSize),
    reason: 'The page size belongs to the history of this database and changes only by import.',
  },
  auto_vacuum: {
    allows: (value, facts) => AUTO_VACUUM_NAMES[facts.autoVacuum]?.includes(value) === true,
    reason: 'Whether free pages are returned at each commit was decided when the file was made.',
  },
  journal_mode: rule(JOURNAL, 'truncate'),
  journal_size_limit: rule(JOURNAL),
  wal_autocheckpoint: rule(JOURNAL),
  wal_checkpoint: rule(JOURNAL),
  synchronous: rule(FLUSH, '2', 'full'),
  fullfsync: rule(FLUSH, ...OFF),
  checkpoint_fullfsync: rule(FLUSH, ...OFF),
  locking_mode: rule(
    'Readers and applied frames stay coherent only with normal locking.',
    'normal',
  ),
  temp_store: rule(TEMPORARY, '1', 'file'),
  temp_store_directory: rule(TEMPORARY),
  encoding: rule('Text is UTF-8 in every copy.', 'utf-8', 'utf8'),
  hard_heap_limit: rule(MEMORY, '0'),
  soft_heap_limit: rule(MEMORY, '0'),
  busy_timeout: rule('Calls of a database wait in its queue, never for a lock.', '0'),
  mmap_size: rule('Pages come from Constellite, not from a mapped file.', '0'),
  read_uncommitted: rule('Readers see whole commits.', ...OFF),
  writable_schema: rule(SCHEMA, ...OFF, 'reset'),
  schema_version: rule(SCHEMA),
  query_only: rule('It would make the writer of all callers read-only.', ...OFF),
  ignore_check_constraints: rule('It would let all callers past the checks.', ...OFF),
  key: rule(ENCRYPTION),
  rekey: rule(ENCRYPTION),
  hexkey: rule(ENCRYPTION),
}

const OTHER: Rule = rule(
  'It would change the connection that all callers share, or SQLite does not know it.',
)

/** The failure for a pragma with an argument, or undefined when it is allowed. */
export function refusePragma(
  name: string,
  value: string,
  facts: PragmaFacts,
): ConstelliteError | undefined {
  const pragma = name.toLowerCase()
  if (QUESTIONS.has(pragma)) return undefined
  const settable = Object.hasOwn(SETTABLE, pragma) ? SETTABLE[pragma] : undefined
  const fixed = Object.hasOwn(FIXED, pragma) ? FIXED[pragma] : undefined
  const { allows, reason } = settable ?? fixed ?? OTHER
  if (allows(value.toLowerCase(), facts)) return undefined
  return new ConstelliteError({
    code: 'ErrRefused',
    message: `PRAGMA ${pragma} is refused with this value. ${reason}`,
    hint: hintFor(settable !== undefined, fixed !== undefined),
    facts: { pragma },
  })
}

function hintFor(isSettable: boolean, isFixed: boolean): string {
  if (isSettable) return 'Give a value that fits.'
  if (isFixed) return 'Leave the pragma out: only what is set already fits.'
  return `Leave it out, or check its name.  These can be set: ${Object.keys(SETTABLE).join(', ')}.`
}
