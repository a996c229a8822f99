/** Every entry of test/skips.json names suites of test/run.ts, and in each either the suite as a whole or a
 *  test by the titles that stand in the sources.  An entry that no test can use any more is refused.
 *  Never: allows a whole suite's tests by one star. */

import {
  isNode,
  literal,
  type Node,
  nameOf,
  type Problem,
  type Repository,
  type Rule,
  walk,
} from '../source.ts'

const LIST = 'test/skips.json'
const RUNNER = 'test/run.ts'
const TITLED = new Set(['it', 'test', 'describe'])
/** What stands for a value in a title: a template's hole, and those of `each`. */
const HOLE = /\0|%[sdifjo]|\$[\w.]+/

export const skips: Rule = {
  name: 'skips',
  check(repository) {
    const text = repository.texts.get(LIST)
    if (text === undefined) return []
    const suites = suitesOf(repository)
    const titles = titlesOf(repository)
    const manifest = JSON.parse(repository.texts.get('package.json') ?? '{}')
    const packages = Object.keys({ ...manifest.devDependencies })
    const seen = new Set<string>()
    const problems: Problem[] = []
    for (const entry of JSON.parse(text)) {
      const { suites: named = [], name = '', reason = '', package: needed } = entry
      const add = (message: string): void =>
        void problems.push({
          path: LIST,
          line: lineOf(text, name),
          message: `"${name}" ${message}`,
        })
      if (reason === '') add('has no reason')
      if (named.length === 0) add('names no suite')
      if (needed !== undefined && !packages.includes(needed)) {
        add(`waits for the package ${needed}, which is not installed for development`)
      }
      for (const suite of named) {
        const own = suites.get(suite)
        if (own === undefined) add(`is for the suite ${suite}, which ${RUNNER} has not`)
        else if (!own.has(name) && !isTitle(name, titles)) add('is the title of no test')
        if (seen.has(`${suite} ${name}`)) add('is there twice')
        seen.add(`${suite} ${name}`)
      }
    }
    return problems
  },
}

/** The names under which each suite is skipped as a whole: its own, and what its `run` names. */
function suitesOf({ sources }: Repository): ReadonlyMap<string, ReadonlySet<string>> {
  const found = new Map<string, ReadonlySet<string>>()
  const runner = sources.get(RUNNER)
  if (runner === undefined) return found
  walk(runner.program, (node) => {
    const suite = literal(propertyOf(node, 'name'))
    const run = propertyOf(node, 'run')
    if (suite === undefined || run === undefined) return true
    const names = new Set([suite])
    walk(run, (inside) => {
      const text = literal(inside)
      if (text !== undefined) names.add(text)
      return true
    })
    found.set(suite, names)
    return false
  })
  return found
}

function propertyOf(node: Node, name: string): Node | undefined {
  if (node.type !== 'ObjectExpression') return undefined
  const properties = Array.isArray(node['properties']) ? node['properties'].filter(isNode) : []
  const value = properties.find((it) => nameOf(it['key']) === name)?.['value']
  return isNode(value) ? value : undefined
}

/** Every title under test/, as what it matches. */
function titlesOf({ sources }: Repository): readonly RegExp[] {
  const found = new Set<string>()
  for (const source of sources.values()) {
    if (!source.path.startsWith('test/')) continue
    walk(source.program, (node) => {
      if (node.type !== 'CallExpression' || !TITLED.has(calledBy(node['callee']) ?? '')) return true
      const title = titleOf(Array.isArray(node['arguments']) ? node['arguments'][0] : undefined)
      if (title !== undefined) found.add(title)
      return true
    })
  }
  return [...found].map((title) => {
    const parts = title.split(HOLE).map((it) => it.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
    return new RegExp(`^${parts.join('.+')}$`)
  })
}

/** `it` of it(…), it.skip(…), it.each(…)(…). */
function calledBy(callee: unknown): string | undefined {
  if (!isNode(callee)) return undefined
  if (callee.type === 'MemberExpression') return calledBy(callee['object'])
  if (callee.type === 'CallExpression') return calledBy(callee['callee'])
  return nameOf(callee)
}

function titleOf(node: unknown): string | undefined {
  if (!isNode(node) || node.type !== 'TemplateLiteral') return literal(node)
  const quasis = Array.isArray(node['quasis']) ? node['quasis'].filter(isNode) : []
  // The tree is plain JSON: `value` of a part has its text as `cooked`.
  const texts = quasis.map((it) => (it['value'] as { readonly cooked?: string }).cooked ?? '')
  return texts.join('\0')
}

/** A title that is nothing but a hole would match any name. */
function isTitle(name: string, titles: readonly RegExp[]): boolean {
  const specific = titles.filter((it) => it.source !== '^.+$')
  return name.split(' > ').every((part) => part !== '*' && specific.some((it) => it.test(part)))
}

function lineOf(text: string, name: string): number {
  const at = text.indexOf(JSON.stringify(name))
  return text.slice(0, Math.max(at, 0)).split('\n').length
}
