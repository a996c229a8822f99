/** Vite's dev server as a process of its own. */

import type { ChildProcess } from 'node:child_process'

/** The address that the dev server prints when it is ready. */
export function addressOf(vite: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let printed = ''
    vite.stdout?.on('data', (chunk: Buffer) => {
      printed += chunk.toString()
      const address = /http:\/\/[\d.:]+\//.exec(printed)?.[0]
      if (address !== undefined) resolve(address)
    })
    vite.once('close', () => reject(new Error(`Vite ended: ${printed}`)))
  })
}
