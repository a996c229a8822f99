/** Pages with the packed package that run code of a test and say what they saw, to whoever serves them: nobody
 *  drives their browser.
 *  Keeps: a page's lines arrive in the order in which it said them. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { packedAt } from '../support/packed.ts'
import { serveFolders } from '../support/static-server.ts'

export type Visits = {
  /** A page that has the package's `open` and `remove`, and does nothing. */
  readonly url: string
  /** A page that runs the body of an async function, once it is shown; `say(line)` tells, and waits until it is
   *  told.  It tells what the code returned as its last line, as JSON. */
  add(code: string): Visit
  close(): Promise<void>
}

export type Visit = {
  readonly url: string
  /** What it said so far. */
  readonly lines: readonly string[]
  /** Resolves when it has said at least as many. */
  said(count: number): Promise<void>
  /** What the code returned; rejects with what it threw. */
  readonly ended: Promise<unknown>
}

type Told = { readonly line: string } | { readonly value: unknown } | { readonly error: string }

export type VisitOptions = {
  /** The folder that pack() made. */
  readonly packed: string
  /** Modules that pages import by these paths. */
  readonly modules?: Readonly<Record<string, string>>
}

export async function serveVisits({ packed, modules = {} }: VisitOptions): Promise<Visits> {
  const folder = mkdtempSync(join(tmpdir(), 'constellite-visits-'))
  const takers: ((told: Told) => void)[] = []
  const ear = await listenFor((visit, told) => takers[visit]?.(told))
  const shipped = join(packedAt(packed).project, 'node_modules/constellite/dist/browser')
  // The second path is that of the place of the conformance suite, under which Vite serves it.
  const folders = { '/': folder, '/constellite/': shipped, [`/@fs${shipped}/`]: shipped }
  const server = await serveFolders(folders)
  writeFileSync(join(folder, 'index.html'), pageOf(`Object.assign(globalThis, { open, remove })`))
  for (const [path, code] of Object.entries(modules)) writeFileSync(join(folder, path), code)
  return {
    url: `${server.url}/`,
    add: (code) => {
      const index = takers.length
      const name = `${index}.html`
      writeFileSync(join(folder, name), pageOf(tellTo(`${ear.url}/${index}`, code)))
      const { visit, take } = createVisit(`${server.url}/${name}`)
      takers.push(take)
      return visit
    },
    close: async () => {
      await server.close()
      await ear.close()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

function pageOf(code: string): string {
  return `<!doctype html>
<meta charset="utf-8">
<link rel="icon" href="data:,">
<script type="importmap">{ "imports": { "constellite": "/constellite/index.js" } }</script>
<body></body>
<script type="module">
import { open, remove } from 'constellite'
${code}
</script>`
}

/** The page's own part: the ear is at another origin, which may be told a text without asking. */
function tellTo(url: string, code: string): string {
  return `
let last = Promise.resolve()
const tell = (told) => {
  const body = JSON.stringify(told)
  last = last.then(() => fetch(${JSON.stringify(url)}, { method: 'POST', mode: 'no-cors', body }))
  return last
}
const say = (line) => tell({ line })
;(async () => {
${code}
})().then((value) => tell({ value: value ?? null }), (error) => tell({ error: error + '\\n' + error?.stack }))`
}

function createVisit(url: string): { readonly visit: Visit; readonly take: (told: Told) => void } {
  const lines: string[] = []
  const waiting = new Set<() => void>()
  let resolve: (value: unknown) => void = () => {}
  let reject: (error: Error) => void = () => {}
  const ended = new Promise<unknown>((...both) => {
    resolve = both[0]
    reject = both[1]
  })
  // Whoever awaits it hears of it; nobody has to.
  ended.catch(() => undefined)
  const said = (count: number): Promise<void> =>
    new Promise((done) => {
      const look = (): void => {
        if (lines.length < count) return
        waiting.delete(look)
        done()
      }
      waiting.add(look)
      look()
    })
  const take = (told: Told): void => {
    if ('line' in told) {
      lines.push(told.line)
      for (const look of waiting) look()
    } else if ('error' in told) reject(new Error(`in the page: ${told.error}`))
    else resolve(told.value)
  }
  return { visit: { url, lines, said, ended }, take }
}

type Ear = { readonly url: string; close(): Promise<void> }

function listenFor(onTold: (visit: number, told: Told) => void): Promise<Ear> {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const visit = Number(request.url?.slice(1))
      onTold(visit, JSON.parse(Buffer.concat(chunks).toString()))
      response.writeHead(204).end()
    })
  })
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      // A listening TCP server has a port.
      const { port } = server.address() as AddressInfo
      const close = (): Promise<void> =>
        new Promise((done) => {
          server.close(() => done())
          server.closeAllConnections()
        })
      resolve({ url: `http://127.0.0.1:${port}`, close })
    })
  })
}
