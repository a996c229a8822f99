/** Platform globals, Node modules and packages appear only in the files that the last column of the
 *  table in src/README.md names for them; an entry there that no file uses any more must go. */

import { globalsUsed } from '../globals.ts'
import { type Problem, type Rule, roomOf, type SourceFile } from '../source.ts'

/** What every runtime has and no test needs to replace: the language itself, text, URLs, aborting. */
const EVERYWHERE = new Set(
  `Array ArrayBuffer AggregateError BigInt BigInt64Array BigUint64Array Boolean DataView Date Error
  FinalizationRegistry Float32Array Float64Array Function Infinity Int16Array Int32Array Int8Array
  Intl JSON Map Math NaN Number Object Promise Proxy RangeError ReferenceError Reflect RegExp Set
  String Symbol SyntaxError TypeError URIError Uint16Array Uint32Array Uint8Array Uint8ClampedArray
  WeakMap WeakRef WeakSet decodeURIComponent encodeURIComponent isFinite isNaN parseFloat parseInt
  undefined arguments AbortController AbortSignal DOMException TextDecoder TextEncoder URL
  URLSearchParams structuredClone Event EventTarget`.split(/\s+/),
)

/** Looked after by the clock rule, which says what to use instead. */
const CLOCKS = new Set(['setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask', 'console'])

export const platform: Rule = {
  name: 'platform',
  check({ sources, rooms }) {
    const problems: Problem[] = []
    for (const room of rooms) {
      if (room.mayTouch === 'everything') continue
      const used = new Map<string, Set<string>>()
      for (const source of sources.values()) {
        if (roomOf(source.path) !== room.name) continue
        const file = source.path.replace(`src/${room.name}/`, '').replace(/^src\//, '')
        const allowed = room.mayTouch.get(file) ?? new Set()
        used.set(file, new Set(touches(source).map((it) => it.name)))
        for (const { name, line } of touches(source)) {
          if (allowed.has(name) || CLOCKS.has(name)) continue
          const message = `touches \`${name}\`, which src/README.md does not allow ${file} of room ${room.name}`
          problems.push({ path: source.path, line, message })
        }
      }
      for (const [file, names] of room.mayTouch) {
        for (const name of names) {
          if (used.get(file)?.has(name)) continue
          const message = `the table lets ${room.name}/${file} touch \`${name}\`, which it does not`
          problems.push({ path: 'src/README.md', line: 1, message })
        }
      }
    }
    return problems
  },
}

/** Globals beyond the language, and everything imported from outside, by name. */
export function touches(source: SourceFile): { name: string; line: number }[] {
  const globals = globalsUsed(source.program)
    .filter((use) => !EVERYWHERE.has(use.name))
    .map((use) => ({ name: use.name, line: source.lineAt(use.start) }))
  const imports = source.imports
    .filter((it) => !it.typeOnly && it.target === undefined && it.kind !== 'url')
    .map((it) => ({ name: packageOf(it.specifier), line: it.line }))
  return [...globals, ...imports]
}

function packageOf(specifier: string): string {
  if (specifier.startsWith('node:')) return specifier
  const [first = '', second = ''] = specifier.split('/')
  return first.startsWith('@') ? `${first}/${second}` : first
}
