/** Names processes so that another one can tell whether the one it reads of still lives.
 *  Keeps: a process id that was given to another process since is not mistaken for its first bearer; what
 *  cannot be told is said to be unknown.  Linux only; elsewhere ids alone decide (node-lock.ts).
 *  Never: trusts a name of another boot or of another namespace of process ids. */

import { readFileSync, readlinkSync } from 'node:fs'

export type ProcessName = string

/** Boot, namespace of process ids, id, start; '' where that cannot be read, as in Deno without `--allow-all`. */
export function processName(pid: number): ProcessName {
  try {
    return `${processRealm()} ${pid} ${startOf(pid)}`
  } catch {
    return ''
  }
}

/** Whether the process of this name, which had this id, still runs. */
export function judgeProcess(name: ProcessName, pid: number): 'dead' | 'alive' | 'unknown' {
  let realm: string
  try {
    realm = processRealm()
  } catch {
    return 'unknown'
  }
  if (!name.startsWith(`${realm} `)) return 'unknown'
  if (!isProcessAlive(pid)) return 'dead'
  const now = processName(pid)
  // /proc may hide the processes of other users.
  if (now === '') return 'unknown'
  return now === name ? 'alive' : 'dead'
}

export function isProcessAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    // EPERM: alive, and another user's.
    return !(error instanceof Error && 'code' in error && error.code === 'ESRCH')
  }
}

function processRealm(): string {
  const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
  return `${boot} ${readlinkSync('/proc/self/ns/pid')}`
}

/** Field 22 of proc_pid_stat(5), in ticks since boot; the second, a name, may hold anything but ends with
 *  the last parenthesis. */
function startOf(pid: number): string {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const started = text.slice(text.lastIndexOf(')') + 2).split(' ')[19]
  if (started === undefined || started === '') throw new Error('no start in /proc')
  return started
}
