/** WebKitGTK in one of two ways, on a display that nobody sees: driven by WebDriver, and as people use it.
 *  A driven browser is private: what it stores lives in memory and ends with the session, so only reloads and
 *  windows can be shown there.  What outlives a browser is shown by one that nobody drives, whose profile is
 *  on disk and whose page says by itself what it saw (visits.ts).
 *  Keeps: no process is left, and no folder, when it is closed or this process ends. */

import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findWebkit } from '../webkit.ts'
import { type Leashed, type LeashOptions, startLeashed } from './leash.ts'
import { type Session, startSession } from './session.ts'

export type Webkit = {
  /** Whoever drives it may not start another beside it. */
  drive(features?: readonly string[]): Promise<Session>
  /** Shows `url` in a browser on the profile of this `Webkit`, one at a time. */
  browse(url: string, options?: BrowseOptions): Leashed
  close(): Promise<void>
}

export type BrowseOptions = Pick<LeashOptions, 'fileBytesMax'> & {
  readonly features?: readonly string[]
}

/** What the browser has of OPFS: it is not switched on. */
export const OPFS_FEATURES: readonly string[] = ['FileSystem', 'AccessHandle', 'StorageAPI']

export async function startWebkit(): Promise<Webkit> {
  const found = findWebkit()
  if (found.path === undefined) throw new Error(found.reason)
  const home = mkdtempSync(join(tmpdir(), 'constellite-webkit-'))
  const screen = startLeashed([found.display, '-displayfd', '1', '-nolisten', 'tcp'])
  const running: Leashed[] = []
  const environment = { ...environmentIn(home), DISPLAY: `:${await screen.printed(/^(\d+)\s/m)}` }
  const start = (command: readonly string[], options?: BrowseOptions): Leashed => {
    const one = startLeashed(command, { ...options, environment })
    running.push(one)
    return one
  }
  return {
    drive: async (features = []) => {
      const port = await freePort()
      const driver = start([found.driver, `--port=${port}`, '--host=127.0.0.1'])
      const died = driver.ended.then((how) => Promise.reject(new Error(how)))
      // It ends with the test.
      died.catch(() => undefined)
      const program = { binary: found.path, args: ['--automation', ...switchesOf(features)] }
      return Promise.race([startSession(`http://127.0.0.1:${port}`, program), died])
    },
    browse: (url, options = {}) => {
      return start([found.path, ...switchesOf(options.features ?? []), url], options)
    },
    close: async () => {
      for (const one of running.reverse()) await one.letGo()
      await screen.letGo()
      rmSync(home, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 })
    },
  }
}

function switchesOf(features: readonly string[]): string[] {
  return features.length === 0 ? [] : [`--features=${features.map((it) => `+${it}`).join(',')}`]
}

function environmentIn(home: string): Record<string, string> {
  return {
    HOME: home,
    XDG_DATA_HOME: join(home, 'data'),
    XDG_CACHE_HOME: join(home, 'cache'),
    XDG_CONFIG_HOME: join(home, 'config'),
    XDG_RUNTIME_DIR: home,
    // No service of the desktop is asked for, and none is started.
    DBUS_SESSION_BUS_ADDRESS: 'disabled:',
    GSETTINGS_BACKEND: 'memory',
    NO_AT_BRIDGE: '1',
    // Its sandbox needs namespaces of users, which containers have not; the pages here are ours.
    WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS: '1',
  }
}

/** One that was free a moment ago: the driver does not say which it took. */
async function freePort(): Promise<number> {
  const probe = createServer()
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve))
  const address = probe.address()
  await new Promise((resolve) => probe.close(resolve))
  if (address === null || typeof address === 'string') throw new Error('no port was free')
  return address.port
}
