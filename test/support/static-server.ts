/** Serves folders over HTTP on localhost, as a plain web server would: no transforms, no special headers
 *  but, where asked, permission for other origins or isolation from them. */

import { createReadStream, statSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { extname, join, normalize } from 'node:path'

export type StaticServer = { readonly url: string; close(): Promise<void> }

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json',
  '.wasm': 'application/wasm',
}

const ISOLATION = {
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-embedder-policy': 'require-corp',
}

/** `folders` maps a path prefix ('/lib/') to a folder; the longest prefix that fits wins. */
export function serveFolders(
  folders: Readonly<Record<string, string>>,
  options: {
    readonly anyOrigin?: boolean
    /** The page is alone in its process, and its clock ticks every 5 µs instead of every 100. */
    readonly isIsolated?: boolean
    /** The Content-Security-Policy of every answer. */
    readonly policy?: string
  } = {},
): Promise<StaticServer> {
  const prefixes = Object.keys(folders).sort((left, right) => right.length - left.length)
  const server = createServer((request, response) => {
    const path = normalize(decodeURIComponent((request.url ?? '/').split('?')[0] ?? '/'))
    const prefix = prefixes.find((it) => path.startsWith(it))
    const file = prefix === undefined ? '' : join(folders[prefix] ?? '', path.slice(prefix.length))
    const found = prefix === undefined ? undefined : fileAt(file)
    if (found === undefined) {
      response.writeHead(404).end()
      return
    }
    response.writeHead(200, {
      'content-type': TYPES[extname(found)] ?? 'application/octet-stream',
      ...(options.anyOrigin === true ? { 'access-control-allow-origin': '*' } : {}),
      ...(options.isIsolated === true ? ISOLATION : {}),
      ...(options.policy === undefined ? {} : { 'content-security-policy': options.policy }),
    })
    createReadStream(found).pipe(response)
  })
  return new Promise((resolve, reject) => {
    server.once('error', reject)
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

function fileAt(path: string): string | undefined {
  const status = statSync(path, { throwIfNoEntry: false })
  if (status?.isDirectory() === true) return fileAt(join(path, 'index.html'))
  return status?.isFile() === true ? path : undefined
}
