/** The owner's address: a local socket that only one process can listen on, that its death frees, and
 *  that answers one line saying who the owner is and since when.
 *  Never: keeps the process alive once held; believes more than 1 KiB of an answer. */

import { connect, createServer, type Server, type Socket } from 'node:net'
import type { Host } from '../base/host.ts'
import type { Owner } from './failures.ts'
import { codeOf } from './node-errors.ts'
import { formatOwner, parseOwner } from './owner-text.ts'

export type OwnerAddress = { release(): Promise<void> }

/** An owner in the middle of a long statement cannot answer. */
const ANSWER_TIMEOUT_MS = 500
const ANSWER_BYTES_MAX = 1024

export function holdAddress(
  path: string,
  self: Owner,
): Promise<OwnerAddress | 'taken' | 'unsupported'> {
  const line = `${formatOwner(self)}\n`
  const askers = new Set<Socket>()
  const server = createServer((asker) => {
    askers.add(asker)
    asker.unref()
    asker.on('close', () => askers.delete(asker))
    // An asker that hangs up early has lost only its own answer.
    asker.on('error', () => asker.destroy())
    asker.end(line)
  })
  return new Promise((resolve) => {
    server.once('error', (error) =>
      resolve(codeOf(error) === 'EADDRINUSE' ? 'taken' : 'unsupported'),
    )
    // Exclusive, as the workers of a cluster would otherwise share it through their parent.
    server.listen({ path, exclusive: true }, () => {
      server.removeAllListeners('error')
      // Failing to accept an asker leaves the address held.
      server.on('error', () => {})
      server.unref()
      resolve({ release: () => closeServer(server, askers) })
    })
  })
}

function closeServer(server: Server, askers: ReadonlySet<Socket>): Promise<void> {
  return new Promise((resolve) => {
    server.ref()
    server.close(() => resolve())
    for (const asker of askers) asker.destroy()
  })
}

/** The owner's answer; undefined when it makes no sense, 'busy' when none came in time, 'gone' when
 *  nobody listens any more. */
export function askOwner(host: Host, path: string): Promise<Owner | undefined | 'busy' | 'gone'> {
  return new Promise((resolve) => {
    const socket = connect({ path })
    let answer = ''
    const settle = (outcome: Owner | undefined | 'busy' | 'gone'): void => {
      timer.cancel()
      socket.destroy()
      resolve(outcome)
    }
    const timer = host.setTimer(ANSWER_TIMEOUT_MS, () => settle('busy'))
    socket.setEncoding('utf8')
    socket.on('data', (text: string) => {
      answer += text
      if (answer.length > ANSWER_BYTES_MAX) settle(undefined)
    })
    socket.on('end', () => settle(parseOwner(answer)))
    socket.on('error', () => settle('gone'))
  })
}
