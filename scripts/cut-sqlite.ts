/** Cuts out of sqlite-wasm what Constellite never uses: two workers, for whose files the bundlers of users
 *  would look in vain, and the parts that its page VFS replaces (about 22 kB of the worker, gzipped).
 *  Keeps: every part is found exactly once and every other one is known, so that a new release of
 *  sqlite-wasm cannot slip past it.  The conformance suite runs on the result. */

import type { Plugin } from 'rolldown'
import { parseSync, Visitor } from 'rolldown/utils'

const WORKER_URLS = [
  'new URL("sqlite3-opfs-async-proxy.js", import.meta.url)',
  'new URL("sqlite3-worker1.mjs", import.meta.url)',
]
const WASM_URL = 'new URL("sqlite3.wasm", import.meta.url)'

/** Statements by how they begin, each with how often: the functions of the session extension, and the page's
 *  side of a worker that is cut out. */
const CUT_STATEMENTS: readonly (readonly [begin: string, count: number])[] = [
  ['if (wasm.bigIntEnabled && !!wasm.exports.sqlite3changegroup_add', 1],
  ['globalThis.sqlite3Worker1Promiser', 4],
  ['FS.createPreloadedFile =', 1],
  ['FS.preloadFile =', 1],
]
/** Emscripten's file system and its devices.  Of all calls SQLite makes one while its VFS is ours: it reads the
 *  randomness of `random()` from /dev/urandom, once, and without it would take the time of day.  Any other call
 *  throws. */
const REPLACED: Readonly<Record<string, string>> = {
  MEMFS: '0',
  TTY: '{ init() {} }',
  FS: `{
    initialized: true,
    staticInit() {},
    ErrnoError: class extends Error { name = "ErrnoError"; constructor(errno) { super(); this.errno = errno; } },
    cwd: () => "/",
    open(path) { if (path !== "/dev/urandom") throw new FS.ErrnoError(44); return { fd: 3 }; },
    getStreamChecked(fd) { if (fd !== 3) throw new FS.ErrnoError(8); return fd; },
    read(stream, heap, at, length) { randomFill(heap.subarray(at, at + length)); return length; },
    close() {},
  }`,
}
/** What is left of that side: its export. */
const PROMISER = '= sqlite3Worker1Promiser.v2;'

/** Parts of the library start in functions given to `initializers.push`, each known by what it defines. */
const CUT_PARTS = [
  'sqlite3.oo1 =',
  'sqlite3.initWorker1API =',
  'sqlite3.vtab =',
  'sqlite3.kvvfs =',
  'sqlite3.opfs =',
  'const installOpfsVfs =',
  'sqlite3.installOpfsSAHPoolVfs =',
  'const installOpfsWlVfs =',
]
const KEPT_PARTS = ['sqlite3.version =', 'sqlite3.StructBinder =', 'sqlite3.vfs =']

type Span = { readonly start: number; readonly end: number }

export function cutSqlite(): Plugin {
  return {
    name: 'cut-sqlite',
    transform: {
      filter: { id: /@sqlite\.org\/sqlite-wasm\/dist\/index\.mjs$/ },
      handler: (code) => cut(code),
    },
  }
}

export function cut(code: string): string {
  return cutWorkers(replaceFiles(cutStatements(cutParts(code))))
}

function cutParts(code: string): string {
  let rest = ''
  let at = 0
  const found: string[] = []
  for (const span of initializersOf(code)) {
    const text = code.slice(span.start, span.end)
    const marks = [...CUT_PARTS, ...KEPT_PARTS].filter((mark) => text.includes(mark))
    const [mark] = marks
    if (mark === undefined || marks.length > 1 || found.includes(mark)) {
      throw changed(`a part with the marks [${marks.join(', ')}]`)
    }
    found.push(mark)
    if (KEPT_PARTS.includes(mark)) continue
    rest += code.slice(at, span.start)
    at = span.end
  }
  if (found.length !== CUT_PARTS.length + KEPT_PARTS.length) throw changed('a part is missing')
  return rest + code.slice(at)
}

function cutStatements(code: string): string {
  const spans: Span[] = []
  const take = (node: Span): void => {
    const text = code.slice(node.start, node.end)
    if (CUT_STATEMENTS.some(([begin]) => text.startsWith(begin))) spans.push(node)
  }
  new Visitor({ IfStatement: take, ExpressionStatement: take }).visit(
    parseSync('index.mjs', code).program,
  )
  for (const [begin, count] of CUT_STATEMENTS) {
    const found = spans.filter(({ start }) => code.startsWith(begin, start)).length
    if (found !== count) throw changed(`${found} statements begin with ${begin}`)
  }
  let rest = code
  for (const { start, end } of spans.sort((one, other) => other.start - one.start)) {
    rest = `${rest.slice(0, start)};${rest.slice(end)}`
  }
  if (rest.split(PROMISER).length !== 2) throw changed('what it exports')
  return rest.replace(PROMISER, '= void 0;')
}

function replaceFiles(code: string): string {
  const spans: (Span & { readonly text: string })[] = []
  new Visitor({
    VariableDeclarator({ id, init }) {
      const text = id.type === 'Identifier' ? REPLACED[id.name] : undefined
      if (text !== undefined && init?.type === 'ObjectExpression') {
        spans.push({ start: init.start, end: init.end, text })
      }
    },
  }).visit(parseSync('index.mjs', code).program)
  if (spans.length !== Object.keys(REPLACED).length) throw changed('its file system')
  let rest = code
  for (const { start, end, text } of spans.reverse()) {
    rest = `${rest.slice(0, start)}${text}${rest.slice(end)}`
  }
  return rest
}

function initializersOf(code: string): Span[] {
  const spans: Span[] = []
  const parsed = parseSync('index.mjs', code)
  new Visitor({
    ExpressionStatement(node) {
      const { expression } = node
      if (expression.type !== 'CallExpression') return
      const callee = code.slice(expression.callee.start, expression.callee.end)
      if (callee === 'globalThis.sqlite3ApiBootstrap.initializers.push') spans.push(node)
    },
  }).visit(parsed.program)
  return spans
}

function cutWorkers(code: string): string {
  let rest = code
  for (const url of WORKER_URLS) {
    // One of them went with its part.
    if (rest.split(url).length > 2) throw changed(`${url} stands twice`)
    rest = rest.replace(url, 'new URL("data:text/javascript,")')
  }
  if (!rest.includes(WASM_URL)) throw changed('it no longer names its sqlite3.wasm')
  const left = rest
    .split(WASM_URL)
    .join('')
    .match(/new URL\([^)]*import\.meta\.url/g)
  if (left !== null) throw changed(`it names a file that is not shipped: ${left[0]}`)
  return rest.split(WASM_URL).join('new URL("./sqlite3.wasm", import.meta.url)')
}

function changed(what: string): Error {
  return new Error(`sqlite-wasm has changed: ${what}; look at scripts/cut-sqlite.ts`)
}
