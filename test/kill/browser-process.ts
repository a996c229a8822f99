/** Which processes a browser with this profile consists of, as Linux tells.
 *  A page's process is known by the file of OPFS that it holds open: an access handle is a descriptor that
 *  the browser has handed to it. */

import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'

/** Elsewhere there is no such folder, and pages are not killed by process. */
export const CAN_FIND_PROCESSES: boolean = existsSync('/proc/self/fd')

export type BrowserProcesses = {
  /** The one that started the others. */
  readonly main: readonly number[]
  /** Those of pages that hold files of OPFS. */
  readonly holders: readonly number[]
}

/** `files` is part of the path of every file of OPFS. */
export function findProcesses(profile: string, files: string): BrowserProcesses {
  const main: number[] = []
  const holders: number[] = []
  for (const name of readdirSync('/proc').filter((it) => /^\d+$/.test(it))) {
    const command = commandOf(name)
    // Chromium's words, and Firefox's, whose children do not name the profile.
    const isChild = /--type=|-contentproc/.test(command)
    if (!isChild && command.includes(profile)) main.push(Number(name))
    if (!isChild) continue
    const holds = descriptorsOf(name).some((it) => it.startsWith(profile) && it.includes(files))
    if (holds) holders.push(Number(name))
  }
  return { main, holders }
}

function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8')
  } catch {
    // It has just ended.
    return ''
  }
}

function descriptorsOf(pid: string): string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).map((it) => linkOf(`/proc/${pid}/fd/${it}`))
  } catch {
    return []
  }
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path)
  } catch {
    return ''
  }
}
