/** A browser that will be killed: its profile outlives it. */

import { join } from 'node:path'
import { type BrowserContext, chromium, firefox, type Page } from 'playwright-core'
import { CHROMIUM_ARGUMENTS } from '../chromium.ts'
import { firefoxLaunch } from '../firefox.ts'
import { findProcesses } from './browser-process.ts'
import type { Report } from './programs/workload.ts'

export type BrowserName = 'chromium' | 'firefox'

export type KilledBrowser = {
  /** A new tab in which the program has started. */
  tab(): Promise<Page>
  /** SIGKILL to the processes of the pages that hold databases, which are so many. */
  killPages(count: number): Promise<void>
  /** SIGKILL to the browser; the next tab starts it again. */
  killBrowser(): Promise<void>
  close(): Promise<void>
}

export type BrowserOptions = {
  readonly name: BrowserName
  readonly path: string
  readonly profile: string
  /** Where the page is served. */
  readonly url: string
  readonly onReport: (report: Report) => void
}

const ENDING_MS = 10_000

export function createKilledBrowser(options: BrowserOptions): KilledBrowser {
  const { name, profile, url, onReport } = options
  const files = name === 'chromium' ? 'Default/File System/' : '/fs/'
  let context: BrowserContext | undefined

  const started = async (): Promise<BrowserContext> => {
    if (context !== undefined) return context
    context = await launch(options)
    await context.exposeFunction('tell', onReport)
    return context
  }
  return {
    tab: async () => {
      const page = await (await started()).newPage()
      await page.goto(url)
      await page.waitForFunction('"copy" in globalThis')
      return page
    },
    killPages: async (count) => {
      const { holders } = findProcesses(profile, files)
      if (holders.length !== count) throw new Error(`${holders.length} processes hold databases`)
      await killAll(holders)
    },
    killBrowser: async () => {
      const { main } = findProcesses(profile, files)
      if (main.length === 0) throw new Error('the browser has no process')
      const closed = new Promise((resolve) => context?.once('close', resolve))
      await killAll(main)
      await closed
      context = undefined
    },
    close: async () => {
      await context?.close()
      context = undefined
      // One that is still ending writes into its profile.
      const { main, holders } = findProcesses(profile, files)
      await killAll([...main, ...holders])
    },
  }
}

function launch({ name, path, profile }: BrowserOptions): Promise<BrowserContext> {
  if (name === 'firefox') {
    return firefox.launchPersistentContext(profile, firefoxLaunch(path, join(profile, '..')))
  }
  return chromium.launchPersistentContext(profile, {
    executablePath: path,
    args: [...CHROMIUM_ARGUMENTS],
    headless: true,
  })
}

async function killAll(processes: readonly number[]): Promise<void> {
  for (const pid of processes) process.kill(pid, 'SIGKILL')
  const startedAt = performance.now()
  while (processes.some(isAlive)) {
    if (performance.now() - startedAt > ENDING_MS) throw new Error('SIGKILL did not end a browser')
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

/** A zombie, which only its parent can bury, holds nothing any more; but it cannot be told apart here. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
