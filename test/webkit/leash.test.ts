/** No browser outlives the tests: a program on a leash and what it started end with whoever holds it, even when
 *  that is killed and they do not listen. */

import { statSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, onTestFinished } from 'vitest'
import { startChild } from '../support/child.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { type Leashed, startLeashed } from './leash.ts'

const HOLDER = fileURLToPath(new URL('../support/children/leash-holder.ts', import.meta.url))

/** A program that connects to `port`, starts another that does, and stays when it is asked to go. */
function stubborn(port: number): readonly string[] {
  const connect = `process.on('SIGTERM', () => {}); require('node:net').connect(${port}, '127.0.0.1')`
  const other = JSON.stringify(connect)
  const code = `${connect}; require('node:child_process').spawn(process.execPath, ['-e', ${other}])`
  return [process.execPath, '-e', code]
}

type Watched = {
  readonly port: number
  /** Resolves when this many processes have connected, with when all of them have ended. */
  connected(count: number): Promise<{ readonly over: Promise<unknown> }>
}

async function watchProcesses(): Promise<Watched> {
  const sockets: Socket[] = []
  let onSocket = (): void => {}
  const server = createServer((socket) => {
    // A killed process resets its connection.
    socket.on('error', () => undefined).resume()
    sockets.push(socket)
    onSocket()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return {
    port: address.port,
    connected: (count) =>
      new Promise((resolve) => {
        onSocket = () => {
          if (sockets.length < count) return
          const ends = sockets.map((it) => new Promise((done) => it.once('close', done)))
          resolve({ over: Promise.all(ends) })
        }
        onSocket()
      }),
  }
}

function held(command: readonly string[]): Leashed {
  const leashed = startLeashed(command)
  onTestFinished(() => leashed.kill())
  return leashed
}

describe('a program on a leash', () => {
  it('ends with all that it started when its holder is killed', async () => {
    const { port, connected } = await watchProcesses()
    const holder = await startChild(HOLDER, ...stubborn(port))
    const { over } = await connected(2)
    holder.process.kill('SIGKILL')
    await over
    expect(await holder.ended).toBe('SIGKILL')
  })

  it('ends with all that it started when it is let go, and when it is killed', async () => {
    for (const end of ['letGo', 'kill'] as const) {
      const { port, connected } = await watchProcesses()
      const leashed = held(stubborn(port))
      const { over } = await connected(2)
      await leashed[end]()
      await over
      expect(await leashed.ended).toContain('SIG')
    }
  })

  it('that ends by itself says how, and with what words, to whoever waits for others', async () => {
    const leashed = held(['sh', '-c', 'echo "no display" >&2; exit 3'])
    await expect(leashed.printed(/^(\d+)$/)).rejects.toThrow(/code 3\nno display/)
  })

  it('hears that a file is full where its files are limited', async () => {
    const path = join(temporaryDirectory(), 'full')
    const command = ['head', '-c', '8192', '/dev/zero']
    const leashed = startLeashed(['sh', '-c', `${command.join(' ')} > ${path}`], {
      fileBytesMax: 4096,
    })
    expect(await leashed.ended).toMatch(/code 1\n.*File too large/)
    expect(statSync(path).size).toBe(4096)
  })
})
