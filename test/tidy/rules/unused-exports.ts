/** Every value that a file of src exports is used: by another file, a test among them, or at least by its own.
 *  A limit that nothing reads looks like one that is kept. */

import { isNode, literal, type Node, nameOf, type Problem, type Rule, walk } from '../source.ts'

/** What the package exports is for others. */
const PUBLIC = /^src\/(entry|testing)\//

export const unusedExports: Rule = {
  name: 'unused-exports',
  check({ sources }) {
    const uses = new Map<string, number>()
    for (const { program } of sources.values()) {
      walk(program, (node) => {
        for (const name of namesIn(node)) uses.set(name, (uses.get(name) ?? 0) + 1)
        return true
      })
    }
    const problems: Problem[] = []
    for (const { path, program, lineAt } of sources.values()) {
      if (!path.startsWith('src/') || PUBLIC.test(path)) continue
      for (const { name, start } of exportsOf(program)) {
        if ((uses.get(name) ?? 0) > 1) continue
        problems.push({ path, line: lineAt(start), message: `nothing uses ${name}: remove it` })
      }
    }
    return problems
  },
}

/** A script may write code that uses it. */
function namesIn(node: Node): readonly string[] {
  const name = nameOf(node)
  return name === undefined ? (literal(node)?.match(/\w+/g) ?? []) : [name]
}

/** Declared constants, functions and classes; a type costs nothing and promises nothing. */
function exportsOf(program: Node): { readonly name: string; readonly start: number }[] {
  const body = Array.isArray(program['body']) ? program['body'].filter(isNode) : []
  return body.flatMap((statement) => {
    const declared = statement['declaration']
    if (statement.type !== 'ExportNamedDeclaration' || !isNode(declared)) return []
    const list = Array.isArray(declared['declarations']) ? declared['declarations'] : [declared]
    const kinds = ['VariableDeclarator', 'FunctionDeclaration', 'ClassDeclaration']
    return list
      .filter(isNode)
      .filter((it) => kinds.includes(it.type))
      .flatMap((it) => ({ name: nameOf(it['id']) ?? [], start: it.start }))
      .flatMap(({ name, start }) => (typeof name === 'string' ? { name, start } : []))
  })
}
