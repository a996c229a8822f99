/** Every file of src, workers, demo and scripts is reached from something that runs: an entry point, a
 *  worker, the command line, the demo's page, or an npm script.  Tests do not count.
 *  demo/edge is a user's project of its own, which test/edge installs and runs. */

import { type Repository, type Rule, resolvePath } from '../source.ts'

const LOOKED_AT = /^(src|workers|demo(?!\/edge)|scripts)\//
const ROOT = /^(src\/entry\/[^/]+\.ts|src\/cli\/main\.ts|workers\/[^/]+\.ts|[^/]+\.config\.ts)$/
/** Prose is looked after by the link rule; ambient declarations are only the compiler's. */
const PROSE = /\.(md|txt|d\.ts)$|(^|\/)LICENSE/

export const unreferenced: Rule = {
  name: 'unreferenced',
  check(repository) {
    const reached = new Set<string>()
    const waiting = [...rootsOf(repository)]
    for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
      if (reached.has(path)) continue
      reached.add(path)
      waiting.push(...referencesOf(repository, path))
    }
    return [...repository.texts.keys()]
      .filter((path) => LOOKED_AT.test(path) && !PROSE.test(path) && !reached.has(path))
      .map((path) => ({ path, line: 1, message: 'nothing that runs refers to this file' }))
  },
}

function* rootsOf({ texts }: Repository): Iterable<string> {
  for (const path of texts.keys()) if (ROOT.test(path)) yield path
  const manifest = texts.get('package.json') ?? ''
  for (const match of manifest.matchAll(/[\w./-]+\.(?:ts|mjs|html)/g)) {
    yield match[0].replace(/^\.\//, '')
  }
  if (texts.has('demo/index.html')) yield 'demo/index.html'
}

function referencesOf({ texts, sources }: Repository, path: string): string[] {
  const source = sources.get(path)
  if (source !== undefined) {
    const imported = source.imports.flatMap((it) => it.target ?? [])
    return imported.map((target) => (texts.has(target) ? target : target.replace(/\.js$/, '.ts')))
  }
  const text = texts.get(path) ?? ''
  const named = /\.html$/.test(path) ? /(?:src|href)="([^":]+)"/g : /url\(["']?([^"':)]+)/g
  return [...text.matchAll(named)].map((it) => {
    const target = it[1] ?? ''
    const fromRoot = `${path.split('/')[0]}/${target.slice(1)}`
    return target.startsWith('/') ? fromRoot : resolvePath(path, target)
  })
}
