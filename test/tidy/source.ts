/** The repository as the tidy rules see it: parsed files and the room table.
 *  Keeps: it is made from a plain map of path to text, so that a rule's self-test is a small sample. */

import { parseSync } from 'rolldown/utils'
import { parseRooms, type Room } from './rooms.ts'

/** A node of the syntax tree (ESTree with TypeScript, as oxc gives it). */
export type Node = {
  readonly type: string
  readonly start: number
  readonly end: number
  readonly [key: string]: unknown
}

export type ImportOf = {
  /** As written: './wal.ts', 'node:fs', 'ws'. */
  readonly specifier: string
  /** Repository path of the file that it names, when it is a relative one. */
  readonly target: string | undefined
  readonly typeOnly: boolean
  readonly kind: 'static' | 'dynamic' | 'url'
  readonly line: number
}

export type SourceFile = {
  readonly path: string
  readonly text: string
  readonly lineCount: number
  readonly program: Node
  readonly imports: readonly ImportOf[]
  lineAt(offset: number): number
}

export type Repository = {
  /** Text of every file that the rules look at, by its path from the root, '/' between folders. */
  readonly texts: ReadonlyMap<string, string>
  /** The modules among them, parsed. */
  readonly sources: ReadonlyMap<string, SourceFile>
  readonly rooms: readonly Room[]
}

export type Problem = { readonly path: string; readonly line: number; readonly message: string }

export type Rule = {
  readonly name: string
  check(repository: Repository): readonly Problem[]
}

const MODULE = /\.(ts|mjs|js)$/

export function createRepository(texts: ReadonlyMap<string, string>): Repository {
  const sources = new Map<string, SourceFile>()
  for (const [path, text] of texts) {
    if (MODULE.test(path)) sources.set(path, parseSource(path, text))
  }
  return { texts, sources, rooms: parseRooms(texts.get('src/README.md') ?? '') }
}

export function parseSource(path: string, text: string): SourceFile {
  const parsed = parseSync(path, text, { sourceType: 'module' })
  if (parsed.errors.length > 0) throw new Error(`${path}: ${parsed.errors[0]?.message}`)
  // The tree is plain JSON; rules look at a handful of node kinds by name.
  const program = parsed.program as unknown as Node
  const starts = lineStarts(text)
  const lineAt = (offset: number): number => {
    let line = 0
    while (line < starts.length && (starts[line] ?? 0) <= offset) line++
    return line
  }
  const imports = importsOf(path, program, lineAt)
  const lineCount = text.endsWith('\n') ? starts.length - 1 : starts.length
  return { path, text, lineCount, program, imports, lineAt }
}

/** Calls `visit` for every node below `node`, parents first, until `visit` answers false for one. */
export function walk(
  node: Node,
  visit: (node: Node, parent: Node | undefined) => boolean | undefined,
  parent?: Node,
): void {
  if (visit(node, parent) === false) return
  for (const child of childrenOf(node)) walk(child, visit, node)
}

export function childrenOf(node: Node): Node[] {
  const children: Node[] = []
  for (const value of Object.values(node)) {
    for (const item of Array.isArray(value) ? value : [value]) if (isNode(item)) children.push(item)
  }
  return children
}

export function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && 'type' in value && 'start' in value
}

/** The room of a path below src: its folder, or its name where the room is one file. */
export function roomOf(path: string): string | undefined {
  const match = /^src\/([^/]+?)(?:\.ts)?(?:\/|$)/.exec(path)
  return match?.[1]
}

/** Resolves a relative specifier against the file that names it. */
export function resolvePath(from: string, specifier: string): string {
  const parts = from.split('/').slice(0, -1)
  for (const part of specifier.split('/')) {
    if (part === '..') parts.pop()
    else if (part !== '.' && part !== '') parts.push(part)
  }
  return parts.join('/')
}

function importsOf(path: string, program: Node, lineAt: (offset: number) => number): ImportOf[] {
  const found: ImportOf[] = []
  const add = (node: Node, specifier: unknown, kind: ImportOf['kind'], typeOnly = false): void => {
    if (typeof specifier !== 'string') return
    const target = /^\.{1,2}\//.test(specifier) ? resolvePath(path, specifier) : undefined
    found.push({ specifier, target, typeOnly, kind, line: lineAt(node.start) })
  }
  walk(program, (node) => {
    if (/^(ImportDeclaration|ExportNamedDeclaration|ExportAllDeclaration)$/.test(node.type)) {
      add(node, literal(node['source']), 'static', isTypeOnly(node))
    } else if (node.type === 'ImportExpression') {
      add(node, literal(node['source']), 'dynamic')
    } else if (node.type === 'TSImportType') {
      add(node, literal(node['source']), 'static', true)
    } else if (node.type === 'NewExpression' && nameOf(node['callee']) === 'URL') {
      const [first, second] = Array.isArray(node['arguments']) ? node['arguments'] : []
      const base =
        isNode(second) && second.type === 'MemberExpression' ? second['object'] : undefined
      if (isNode(base) && base.type === 'MetaProperty') add(node, literal(first), 'url')
    }
    return true
  })
  return found
}

function isTypeOnly(node: Node): boolean {
  if (node['importKind'] === 'type' || node['exportKind'] === 'type') return true
  const specifiers = Array.isArray(node['specifiers']) ? node['specifiers'].filter(isNode) : []
  return (
    specifiers.length > 0 &&
    specifiers.every((it) => it['importKind'] === 'type' || it['exportKind'] === 'type')
  )
}

/** The text of a string literal, or of a template without holes. */
export function literal(node: unknown): string | undefined {
  if (!isNode(node)) return undefined
  return node.type === 'Literal' && typeof node['value'] === 'string' ? node['value'] : undefined
}

export function nameOf(node: unknown): string | undefined {
  if (!isNode(node) || node.type !== 'Identifier') return undefined
  return typeof node['name'] === 'string' ? node['name'] : undefined
}

function lineStarts(text: string): number[] {
  const starts = [0]
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) starts.push(at + 1)
  return starts
}
