/** A relay as its users run it: the packed command in a process of its own, on a free port. */

import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export type RelayProcess = { readonly url: string; stop(): Promise<void> }

/** `project` is the clean folder that has the package installed. */
export async function startRelayProcess(project: string): Promise<RelayProcess> {
  const folder = mkdtempSync(join(tmpdir(), 'constellite-relay-'))
  const command = join(project, 'node_modules/constellite/dist/cli/main.js')
  const child = spawn(process.execPath, [command, 'serve', '--port', '0', '--dir', folder], {
    cwd: project,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const url = await urlOf(child)
  return {
    url,
    stop: async () => {
      const ended = new Promise((resolve) => child.once('close', resolve))
      child.kill('SIGTERM')
      await ended
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** The address that the process prints once it listens. */
function urlOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let printed = ''
    const onText = (chunk: Buffer): void => {
      printed += chunk.toString()
      const url = /ws:\/\/[\w.:[\]-]+/.exec(printed)?.[0]
      if (url !== undefined) resolve(url)
    }
    child.stdout?.on('data', onText)
    child.stderr?.on('data', onText)
    child.once('error', reject)
    child.once('close', (status) => {
      reject(new Error(`the relay ended with ${status}:\n${printed}`))
    })
  })
}
