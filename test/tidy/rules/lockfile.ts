/** Every optional dependency of an entry of package-lock.json has an entry of its own, for all platforms.
 *  `npm ci` refuses a lockfile that lacks one; npm leaves it out, without a word, where the registry that it
 *  asked does not have that package. */

import type { Problem, Rule } from '../source.ts'

const LOCKFILE = /(^|\/)package-lock\.json$/

type Entry = { readonly optionalDependencies?: Readonly<Record<string, string>> }

export const lockfile: Rule = {
  name: 'lockfile',
  check({ texts }) {
    const problems: Problem[] = []
    for (const [path, text] of texts) {
      if (!LOCKFILE.test(path)) continue
      const packages: Readonly<Record<string, Entry>> = JSON.parse(text).packages ?? {}
      for (const [at, { optionalDependencies = {} }] of Object.entries(packages)) {
        for (const name of Object.keys(optionalDependencies)) {
          if (placesOf(at, name).some((it) => it in packages)) continue
          const message = `${name}, optional for ${at === '' ? 'this package' : at}, has no entry: npm ci fails`
          problems.push({ path, line: lineOf(text, at), message })
        }
      }
    }
    return problems
  },
}

/** Where Node looks for `name` from the package at `at`, nearest first. */
function placesOf(at: string, name: string): readonly string[] {
  const outer = at.lastIndexOf('node_modules/')
  const own = `${at === '' ? '' : `${at}/`}node_modules/${name}`
  if (at === '') return [own]
  return [own, ...placesOf(outer <= 0 ? '' : at.slice(0, outer - 1), name)]
}

function lineOf(text: string, at: string): number {
  return text.slice(0, Math.max(text.indexOf(`"${at}": {`), 0)).split('\n').length
}
