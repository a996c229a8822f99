/** Makes src/sqlite/trampoline.wasm: `node --import ./scripts/typescript.mjs scripts/make-trampoline.ts`.
 *  SQLite calls JavaScript only through functions with WASM's types.  sqlite-wasm compiles a module of a few
 *  bytes for each; workerd compiles nothing at run time.  This one module has an import and an export of
 *  every type that is needed: the export is the import, typed.
 *  Keeps: the committed bytes are what this gives; a test compares them. */

import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

type ValueType = 'i32' | 'i64'

type Signature = {
  readonly parameters: readonly ValueType[]
  readonly result: ValueType
  /** Which callbacks have it. */
  readonly why: string
}

/** Of what src/sqlite/ gives to SQLite, and no more: pointers are i32, file offsets i64. */
const SIGNATURES: readonly Signature[] = [
  {
    parameters: ['i32'],
    result: 'i32',
    why: 'commit hook; progress handler; xClose, xSectorSize, xDeviceCharacteristics',
  },
  {
    parameters: ['i32', 'i32'],
    result: 'i32',
    why: 'xSync, xFileSize, xLock, xUnlock, xCheckReservedLock; xCurrentTime, xCurrentTimeInt64',
  },
  { parameters: ['i32', 'i64'], result: 'i32', why: 'xTruncate' },
  { parameters: ['i32', 'i32', 'i32'], result: 'i32', why: 'xFileControl; xDelete, xGetLastError' },
  { parameters: ['i32', 'i32', 'i32', 'i64'], result: 'i32', why: 'xRead, xWrite' },
  { parameters: ['i32', 'i32', 'i32', 'i32'], result: 'i32', why: 'xAccess, xFullPathname' },
  { parameters: ['i32', 'i32', 'i32', 'i32', 'i32'], result: 'i32', why: 'xOpen' },
  { parameters: ['i32', 'i32', 'i32', 'i32', 'i32', 'i32'], result: 'i32', why: 'authorizer' },
]

const HEADER = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00]
const SECTIONS = { types: 1, imports: 2, exports: 7 } as const
const FUNCTION_TYPE = 0x60
const FUNCTION = 0x00
const TYPES: Readonly<Record<ValueType, number>> = { i32: 0x7f, i64: 0x7e }
/** src/sqlite/load-workerd-callbacks.ts gives the imports under it. */
const IMPORT_MODULE = 'callbacks'

/** WebAssembly Core Specification §5.5, "Modules".  */
export function makeTrampoline(): Uint8Array {
  const types = SIGNATURES.map(({ parameters, result }) => [
    FUNCTION_TYPE,
    ...list(parameters.map((it) => [TYPES[it]])),
    ...list([[TYPES[result]]]),
  ])
  const imports = SIGNATURES.map((it, type) => [
    ...text(IMPORT_MODULE),
    ...text(nameOf(it)),
    FUNCTION,
    type,
  ])
  const exports = SIGNATURES.map((it, index) => [...text(nameOf(it)), FUNCTION, index])
  return Uint8Array.from([
    ...HEADER,
    ...section(SECTIONS.types, types),
    ...section(SECTIONS.imports, imports),
    ...section(SECTIONS.exports, exports),
  ])
}

/** As in "i32 i64 -> i32". */
function nameOf({ parameters, result }: Signature): string {
  return `${parameters.join(' ')} -> ${result}`
}

function section(id: number, items: readonly (readonly number[])[]): number[] {
  const body = list(items)
  return [id, ...size(body.length), ...body]
}

function list(items: readonly (readonly number[])[]): number[] {
  return [...size(items.length), ...items.flat()]
}

function text(value: string): number[] {
  const bytes = new TextEncoder().encode(value)
  return [...size(bytes.length), ...bytes]
}

/** Unsigned LEB128 (§5.2.2). */
function size(value: number): number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...size(value >>> 7)]
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const bytes = makeTrampoline()
  writeFileSync(new URL('../src/sqlite/trampoline.wasm', import.meta.url), bytes)
  console.log(`trampoline.wasm: ${SIGNATURES.length} signatures, ${bytes.length} bytes`)
}
