/** No file over 300 lines and no function over 70, but for the entries of the allowlist, each with its
 *  reason; an entry that is no longer needed must go. */

import type { Problem, Rule, SourceFile } from '../source.ts'
import { type Node, nameOf, walk } from '../source.ts'

export const FILE_LINES_MAX = 300
export const FUNCTION_LINES_MAX = 70

export type Allowance = {
  readonly path: string
  /** The function; absent when the whole file is meant. */
  readonly name?: string
  readonly reason: string
}

export function createSizesRule(allowlist: readonly Allowance[]): Rule {
  return {
    name: 'sizes',
    check({ sources }) {
      const problems: Problem[] = []
      const unused = new Set(allowlist)
      const report = (path: string, line: number, name: string | undefined, what: string): void => {
        const allowance = allowlist.find((it) => it.path === path && it.name === name)
        if (allowance === undefined) problems.push({ path, line, message: what })
        else unused.delete(allowance)
      }
      for (const source of sources.values()) {
        if (source.lineCount > FILE_LINES_MAX) {
          const what = `${source.lineCount} lines, over ${FILE_LINES_MAX}: split it by question`
          report(source.path, 1, undefined, what)
        }
        if (isTest(source.path)) continue
        for (const { name, line, lines } of longFunctions(source)) {
          const what = `function ${name} has ${lines} lines, over ${FUNCTION_LINES_MAX}`
          report(source.path, line, name, what)
        }
      }
      for (const { path, name } of unused) {
        const message = `allowance for ${name ?? 'the file'} is no longer needed: remove it`
        problems.push({ path, line: 1, message })
      }
      return problems
    },
  }
}

/** A describe block is a function only in form. */
function isTest(path: string): boolean {
  return path.startsWith('test/') && path.endsWith('.test.ts')
}

function longFunctions(source: SourceFile): { name: string; line: number; lines: number }[] {
  const found: { name: string; line: number; lines: number }[] = []
  walk(source.program, (node, parent) => {
    if (!/^(FunctionDeclaration|FunctionExpression|ArrowFunctionExpression)$/.test(node.type)) {
      return true
    }
    const line = source.lineAt(node.start)
    const lines = source.lineAt(node.end - 1) - line + 1
    if (lines > FUNCTION_LINES_MAX) found.push({ name: functionName(node, parent), line, lines })
    return true
  })
  return found
}

function functionName(node: Node, parent: Node | undefined): string {
  return nameOf(node['id']) ?? nameOf(parent?.['id']) ?? nameOf(parent?.['key']) ?? '(anonymous)'
}
