/** A program on a leash: it and all that it starts end when it is let go, or when this process ends, however
 *  that ends.  A shell holds the leash: it waits for the end of a pipe that only this process keeps open.
 *  Keeps: the program has a process group of its own, which is asked to end, then killed. */

import { spawn } from 'node:child_process'

export type Leashed = {
  /** Resolves with the first group of the first match in what it prints; rejects when it ends before. */
  printed(pattern: RegExp): Promise<string>
  /** Resolves when it is over, with how it ended and the last that it printed. */
  readonly ended: Promise<string>
  /** As a crash ends it, at once. */
  kill(): Promise<void>
  letGo(): Promise<void>
}

export type LeashOptions = {
  readonly environment?: Readonly<Record<string, string>>
  /** Of each file that it writes; beyond that writing fails, as on a full disk. */
  readonly fileBytesMax?: number
}

/** What it prints is kept for messages up to here. */
const PRINTED_MAX = 4000
/** `ulimit -f` counts in these. */
const BLOCK_BYTES = 512

/** The process beside the program waits for the end of the pipe; it does not hold what is printed. */
const LEASH = `
exec 3<&0
(trap '' TERM; cat <&3; kill -TERM 0; sleep 2; kill -KILL 0) >/dev/null 2>&1 &
exec 3<&-
"$@" </dev/null`

/** Without the signal, a write beyond the limit is an error that the program sees. */
function limitOf(fileBytesMax: number | undefined): string {
  if (fileBytesMax === undefined) return ''
  return `trap '' XFSZ; ulimit -f ${Math.floor(fileBytesMax / BLOCK_BYTES)}`
}

export function startLeashed(
  [program = '', ...parameters]: readonly string[],
  { environment = {}, fileBytesMax }: LeashOptions = {},
): Leashed {
  const script = `${limitOf(fileBytesMax)}${LEASH}`
  const child = spawn('sh', ['-c', script, 'leash', program, ...parameters], {
    detached: true,
    env: { ...process.env, ...environment },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  let text = ''
  const listeners = new Set<() => void>()
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      text = `${text}${chunk}`.slice(-PRINTED_MAX)
      for (const listener of listeners) listener()
    })
  }
  const ended = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(String(error)))
    child.once('close', (code, signal) =>
      resolve(`${program}: ${signal ?? `code ${code}`}\n${text}`),
    )
  })
  return {
    ended,
    printed: (pattern) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          const found = pattern.exec(text)?.[1]
          if (found === undefined) return
          listeners.delete(look)
          resolve(found)
        }
        listeners.add(look)
        look()
        ended.then((how) => reject(new Error(how)))
      }),
    kill: async () => {
      // The group's number is the shell's; a group that is over is as wanted.
      if (child.pid !== undefined) killGroup(child.pid)
      await ended
    },
    letGo: async () => {
      child.stdin.end()
      await ended
    },
  }
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL')
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error
  }
}
