#!/usr/bin/env node
/** main: the program `constellite`.  The first signal ends it in order, the second at once.
 *  Keeps: it lives until its command is done, although neither timers nor databases keep it alive. */

import type { Terminal } from './command.ts'
import { run } from './run.ts'

const interrupt = new AbortController()

const terminal: Terminal = {
  out: (line) => void process.stdout.write(`${line}\n`),
  note: (line) => void process.stderr.write(`${line}\n`),
  interrupted: interrupt.signal,
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    if (interrupt.signal.aborted) process.exit(1)
    interrupt.abort()
  })
}

// A port that is listened to keeps the process alive.
const alive = new MessageChannel()
alive.port1.onmessage = () => undefined

run(process.argv.slice(2), terminal)
  .then(
    (code) => {
      process.exitCode = code
    },
    (error: unknown) => {
      process.stderr.write(`${String(error)}\n`)
      process.exitCode = 1
    },
  )
  .finally(() => alive.port1.close())
