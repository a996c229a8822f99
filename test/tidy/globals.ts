/** Finds the globals that a module uses at run time, by scope analysis: a name that nothing in scope
 *  declares, and every `globalThis.name`.  Types are erased, so they do not count.
 *  Keeps: a parameter called `crypto` hides the global only inside its own function. */

import { childrenOf, isNode, type Node, nameOf } from './source.ts'

export type GlobalUse = {
  readonly name: string
  readonly start: number
  /** The property read from it, where it is named: `now` of `Date.now`. */
  readonly member: string | undefined
  /** True for `new Date()` and the like: made without arguments. */
  readonly emptyNew: boolean
}

type Scope = { readonly names: Set<string>; readonly outer: Scope | undefined }

const SCOPES = new Set([
  'Program',
  'FunctionDeclaration',
  'FunctionExpression',
  'ArrowFunctionExpression',
  'BlockStatement',
  'StaticBlock',
  'ForStatement',
  'ForInStatement',
  'ForOfStatement',
  'SwitchStatement',
  'CatchClause',
  'ClassExpression',
  'ClassDeclaration',
])

/** TypeScript nodes that hold an expression which stays when types are erased. */
const KEPT = new Set([
  'TSAsExpression',
  'TSSatisfiesExpression',
  'TSNonNullExpression',
  'TSInstantiationExpression',
  'TSParameterProperty',
])

export function globalsUsed(program: Node): GlobalUse[] {
  const uses: GlobalUse[] = []
  visit(program, undefined, undefined, uses)
  return uses
}

function visit(
  node: Node,
  parent: Node | undefined,
  outer: Scope | undefined,
  uses: GlobalUse[],
): void {
  if (node.type.startsWith('TS') && !KEPT.has(node.type)) return
  let scope = outer
  if (SCOPES.has(node.type)) {
    scope = { names: new Set(), outer }
    collect(node, scope.names)
  }
  const name = nameOf(node)
  if (name !== undefined && parent !== undefined && isReference(node, parent)) {
    if (!declares(scope, name)) uses.push(useOf(node, name, parent))
  }
  for (const child of childrenOf(node)) visit(child, node, scope, uses)
}

function declares(scope: Scope | undefined, name: string): boolean {
  for (let at = scope; at !== undefined; at = at.outer) if (at.names.has(name)) return true
  return false
}

function useOf(node: Node, name: string, parent: Node): GlobalUse {
  const ofMember = parent.type === 'MemberExpression' && parent['object'] === node
  const member = ofMember && parent['computed'] !== true ? nameOf(parent['property']) : undefined
  const emptyNew =
    parent.type === 'NewExpression' &&
    Array.isArray(parent['arguments']) &&
    parent['arguments'].length === 0
  if (name === 'globalThis' && member !== undefined) {
    return { name: member, start: node.start, member: undefined, emptyNew: false }
  }
  return { name, start: node.start, member, emptyNew }
}

/** False where an identifier only names something: a property, a key, a label, a declaration. */
function isReference(node: Node, parent: Node): boolean {
  switch (parent.type) {
    case 'MemberExpression':
      return parent['object'] === node || parent['computed'] === true
    case 'Property':
      return parent['value'] === node || parent['computed'] === true
    case 'PropertyDefinition':
    case 'MethodDefinition':
    case 'AccessorProperty':
      return parent['value'] === node || (parent['key'] === node && parent['computed'] === true)
    case 'ExportSpecifier':
    case 'ImportSpecifier':
    case 'ImportDefaultSpecifier':
    case 'ImportNamespaceSpecifier':
    case 'LabeledStatement':
    case 'BreakStatement':
    case 'ContinueStatement':
    case 'MetaProperty':
      return false
    default:
      return true
  }
}

/** Names that `scope` declares: its parameters and what its own statements declare. */
function collect(scope: Node, names: Set<string>): void {
  const own = nameOf(scope['id'])
  if (own !== undefined) names.add(own)
  for (const parameter of nodes(scope['params'])) bind(parameter, names)
  if (scope.type === 'CatchClause' && isNode(scope['param'])) bind(scope['param'], names)
  if (isFunction(scope)) names.add('arguments')
  const statements = [
    ...nodes(scope['body']),
    ...nodes(scope['init']),
    ...nodes(scope['left']),
    ...nodes(scope['cases']).flatMap((it) => nodes(it['consequent'])),
  ]
  for (const statement of statements) declare(statement, names)
}

function declare(statement: Node, names: Set<string>): void {
  switch (statement.type) {
    case 'VariableDeclaration':
      for (const declarator of nodes(statement['declarations'])) {
        if (isNode(declarator['id'])) bind(declarator['id'], names)
      }
      return
    case 'FunctionDeclaration':
    case 'ClassDeclaration': {
      const name = nameOf(statement['id'])
      if (name !== undefined) names.add(name)
      return
    }
    case 'ImportDeclaration':
      for (const specifier of nodes(statement['specifiers'])) {
        if (isNode(specifier['local'])) bind(specifier['local'], names)
      }
      return
    case 'ExportNamedDeclaration':
    case 'ExportDefaultDeclaration':
      if (isNode(statement['declaration'])) declare(statement['declaration'], names)
  }
}

/** Adds every name that a pattern binds. */
function bind(pattern: Node, names: Set<string>): void {
  const name = nameOf(pattern)
  if (name !== undefined) names.add(name)
  if (pattern.type === 'ObjectPattern') {
    for (const property of nodes(pattern['properties'])) {
      const bound = property.type === 'RestElement' ? property : property['value']
      if (isNode(bound)) bind(bound, names)
    }
  }
  for (const element of nodes(pattern['elements'])) bind(element, names)
  for (const key of ['left', 'argument', 'parameter']) {
    const inner = pattern[key]
    if (isNode(inner)) bind(inner, names)
  }
}

function isFunction(node: Node): boolean {
  return node.type === 'FunctionDeclaration' || node.type === 'FunctionExpression'
}

function nodes(value: unknown): Node[] {
  return (Array.isArray(value) ? value : [value]).filter(isNode)
}
