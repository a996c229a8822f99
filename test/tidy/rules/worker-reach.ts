/** Nothing that the browser's worker reaches has a top-level await (it breaks `vite build`) or a dynamic
 *  import (it breaks Vite 7's worker bundles). */

import { type Node, type Problem, type Rule, type SourceFile, walk } from '../source.ts'

const WORKER = 'workers/database.ts'

export const workerReach: Rule = {
  name: 'worker-reach',
  check({ sources }) {
    const problems: Problem[] = []
    const seen = new Set<string>()
    const visit = (path: string): void => {
      const source = sources.get(path)
      if (source === undefined || seen.has(path)) return
      seen.add(path)
      problems.push(...problemsOf(source))
      for (const { target, typeOnly } of source.imports) {
        if (target !== undefined && !typeOnly) visit(target)
      }
    }
    visit(WORKER)
    return problems
  },
}

function problemsOf(source: SourceFile): Problem[] {
  const problems: Problem[] = []
  const add = (node: Node, what: string): void => {
    const message = `${what} in what ${WORKER} reaches breaks consumers' bundlers`
    problems.push({ path: source.path, line: source.lineAt(node.start), message })
  }
  walk(source.program, (node) => {
    if (node.type === 'ImportExpression') add(node, 'a dynamic import')
    return true
  })
  for (const node of topLevelAwaits(source.program)) add(node, 'a top-level await')
  return problems
}

export function topLevelAwaits(program: Node): Node[] {
  const found: Node[] = []
  walk(program, (node) => {
    if (/Function/.test(node.type) || node.type === 'PropertyDefinition') return false
    const awaits = node.type === 'AwaitExpression' || node['await'] === true
    if (awaits) found.push(node)
    return true
  })
  return found
}
