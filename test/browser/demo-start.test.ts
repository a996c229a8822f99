/** `npm start` in the terminal: the proof, its exit codes, and the page's address. */

import { type ChildProcess, spawn } from 'node:child_process'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { expect, it, onTestFinished } from 'vitest'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

it('proves a replication and ends, with --once', async () => {
  const { status, printed } = await start('--once').ended
  expect(printed).toContain('All of it verified.')
  expect(printed).not.toContain('NOT')
  const at = (who: string): string[] =>
    [
      ...printed.matchAll(new RegExp(`at the ${who} +(seq \\d+, state root [0-9a-f]{16})…`, 'g')),
    ].map((match) => match[1] ?? '')
  expect(at('writer')).toHaveLength(2)
  expect(at('follower')).toEqual(at('writer'))
  expect(printed).toMatch(/integrity_check +ok \(inside the follower\)\n +ok \(stock SQLite /)
  expect(printed).toContain('emoji 1 914, word 4 092: the same as in the sample')
  expect(printed).not.toContain('http:')
  expect(status).toBe(0)
})

it('explains itself, and refuses what it does not know', async () => {
  const help = await start('--help').ended
  expect(help).toMatchObject({ status: 0 })
  expect(help.printed).toContain('--once')
  const unknown = await start('--onec').ended
  expect(unknown).toMatchObject({ status: 2 })
  expect(unknown.printed).toContain("Unknown option '--onec'")
  expect(await start('--port', '70000').ended).toMatchObject({ status: 2 })
})

it('moves on from a busy port, serves the page with its relay, and ends with Ctrl+C', async () => {
  const busy = await listenSomewhere()
  const { port } = busy.address() as AddressInfo
  const { child, ended, prints } = start('--port', String(port))
  const [, url = ''] = await prints(/The demo page: +(\S+)/)
  const [, relay = ''] = await prints(/Its relay: +(\S+)/)
  expect(new URL(url).port).not.toBe(String(port))
  const page = await (await fetch(url)).text()
  expect(page).toContain(`<meta name="relay" content="${relay}">`)
  child.kill('SIGINT')
  expect(await ended).toMatchObject({ status: 0 })
  await expect(fetch(url)).rejects.toThrow()
})

type Started = {
  readonly child: ChildProcess
  readonly ended: Promise<{ readonly status: number | null; readonly printed: string }>
  /** Resolves when what was printed matches. */
  prints(pattern: RegExp): Promise<RegExpExecArray>
}

function start(...words: readonly string[]): Started {
  const given = ['--import', './scripts/typescript.mjs', 'demo/start.ts', ...words]
  const child = spawn(process.execPath, given, { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] })
  onTestFinished(() => {
    if (child.exitCode === null) child.kill('SIGKILL')
  })
  let printed = ''
  let waiting: (() => void)[] = []
  const take = (chunk: Buffer): void => {
    printed += chunk.toString()
    for (const look of waiting) look()
  }
  child.stdout.on('data', take)
  child.stderr.on('data', take)
  const ended = new Promise<{ status: number | null; printed: string }>((resolve) => {
    child.once('close', (status) => resolve({ status, printed }))
  })
  const prints = (pattern: RegExp): Promise<RegExpExecArray> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        const match = pattern.exec(printed)
        if (match !== null) resolve(match)
      }
      waiting = [...waiting, look]
      ended.then(({ status }) => reject(new Error(`it ended with ${status}:\n${printed}`)))
      look()
    })
  return { child, ended, prints }
}

async function listenSomewhere(): Promise<Server> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(async () => {
    await new Promise((resolve) => server.close(resolve))
  })
  return server
}
