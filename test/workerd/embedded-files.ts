/** A plugin that answers `node:fs` for the tests in an object, where there are no files: vectors and the few
 *  sources that tests read are part of the bundle, under the paths that they have here.
 *  Never: answers for what is not a test. */

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Plugin } from 'rolldown'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
/** Where the tests look for published vectors, and where this machine has them. */
const DATA = fileURLToPath(new URL('../../../shared/data', import.meta.url))
const DATA_HERE = process.env['CONSTELLITE_TEST_DATA'] ?? DATA
const PUBLISHED = ['wycheproof-xchacha20-poly1305.json']
/** Tables of formats, which a test compares with what is encoded. */
const SOURCES = ['src/wal/layout.ts', 'src/wal/start-mark.ts']

const EMBEDDED = '\0embedded-files'

export function embeddedFiles(): Plugin {
  return {
    name: 'embedded-files',
    resolveId: (source, importer) =>
      source === 'node:fs' && importer?.startsWith(join(ROOT, 'test/')) ? EMBEDDED : null,
    load: (id) => (id === EMBEDDED ? moduleOf(readAll()) : null),
  }
}

function readAll(): Map<string, string> {
  const vectors = readdirSync(join(ROOT, 'test/vectors')).filter((it) => it.endsWith('.json'))
  const paths = [...vectors.map((it) => `test/vectors/${it}`), ...SOURCES]
  const files = new Map(paths.map((it) => [join(ROOT, it), readFileSync(join(ROOT, it), 'utf8')]))
  for (const name of PUBLISHED) {
    const path = join(DATA_HERE, 'crypto', name)
    if (existsSync(path)) files.set(join(DATA, 'crypto', name), readFileSync(path, 'utf8'))
  }
  return files
}

/** The calls that tests use, on texts. */
function moduleOf(files: ReadonlyMap<string, string>): string {
  return `
    import { fileURLToPath } from 'node:url'
    const files = new Map(${JSON.stringify([...files])})
    const pathOf = (place) => String(place).startsWith('file:') ? fileURLToPath(place) : place
    export const existsSync = (place) => files.has(pathOf(place))
    export function readFileSync(place, encoding) {
      const text = files.get(pathOf(place))
      if (text === undefined) throw new Error('not embedded: ' + pathOf(place))
      return encoding === 'utf8' ? text : new TextEncoder().encode(text)
    }
    export function writeFileSync() {
      throw new Error('nothing is written here')
    }`
}
