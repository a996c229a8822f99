/** What of Node's modules the portable tests use, by what a page has; a dependency of tests that asks for
 *  others gets them empty.
 *  Never: answers for the package itself, which must do without. */

import { builtinModules } from 'node:module'
import { fileURLToPath } from 'node:url'
import type { Plugin } from 'rolldown'

const PACKAGE = fileURLToPath(new URL('../../src/', import.meta.url))
const MARK = '\0page:'

const SOURCES: Readonly<Record<string, string>> = {
  url: 'export const fileURLToPath = (url) => decodeURIComponent(new URL(url).pathname)',
  crypto: `
export const randomBytes = (size) => crypto.getRandomValues(new Uint8Array(size))
export const randomInt = (limit) => crypto.getRandomValues(new Uint32Array(1))[0] % limit`,
}

export function pageModules(): Plugin {
  return {
    name: 'page-modules',
    resolveId: (source, importer = '') => {
      const name = source.replace(/^node:/, '')
      const isAnswered = builtinModules.includes(name) && !importer.startsWith(PACKAGE)
      return isAnswered ? `${MARK}${name}` : null
    },
    load: (id) => {
      if (!id.startsWith(MARK)) return null
      return SOURCES[id.slice(MARK.length)] ?? 'export default {}'
    },
  }
}
