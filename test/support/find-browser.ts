/** Finds a browser that the tests drive.  Order: the given path, the system's, Playwright's download, Debian's
 *  package where the tests run as root in CI.
 *  Keeps: finding none is an answer with its reason, so that the runner can count it as a skip.
 *  Never: downloads a browser on a person's machine. */

import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'

export type BrowserFound =
  | {
      readonly path: string
      readonly source: 'given' | 'system' | 'playwright' | 'debian'
    }
  | { readonly path: undefined; readonly reason: string }

/** What tells one browser from another. */
export type BrowserKind = {
  readonly title: string
  /** Of the environment; it names the one to use. */
  readonly variable: string
  /** On PATH, in this order. */
  readonly names: readonly string[]
  /** Where else the system may have it. */
  readonly folders?: readonly string[]
  /** Debian's. */
  readonly package: string
  /** How a person comes by one. */
  readonly advice: string
}

/** What the search asks the machine, so that a test can answer in its place. */
export type BrowserSearch = {
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly exists: (path: string) => boolean
  /** Where Playwright would have put its own; without it Playwright's is not taken. */
  readonly playwrightPath?: () => string
  readonly isRoot: boolean
  /** Installs a package of Debian; true when it worked. */
  readonly installDebian: (name: string) => boolean
}

export function findBrowser(kind: BrowserKind, search: BrowserSearch): BrowserFound {
  const given = search.environment[kind.variable]
  if (given !== undefined && given !== '') {
    if (search.exists(given)) return { path: given, source: 'given' }
    return {
      path: undefined,
      reason: `no ${kind.title}: ${kind.variable} names ${given}, which does not exist`,
    }
  }
  const system = inSystem(kind, search)
  if (system !== undefined) return { path: system, source: 'system' }
  const downloaded = search.playwrightPath?.() ?? ''
  if (downloaded !== '' && search.exists(downloaded)) {
    return { path: downloaded, source: 'playwright' }
  }
  const inCi = search.environment['CI'] === 'true'
  if (inCi && search.isRoot && search.installDebian(kind.package)) {
    const installed = inSystem(kind, search)
    if (installed !== undefined) return { path: installed, source: 'debian' }
  }
  return { path: undefined, reason: `no ${kind.title}: ${kind.advice}` }
}

function inSystem(kind: BrowserKind, search: BrowserSearch): string | undefined {
  const path = (search.environment['PATH'] ?? '').split(delimiter).filter((it) => it !== '')
  const folders = [...path, ...(kind.folders ?? [])]
  for (const name of kind.names) {
    for (const folder of folders) {
      const path = join(folder, name)
      if (search.exists(path)) return path
    }
  }
  return undefined
}

export function machineSearch(): BrowserSearch {
  return {
    environment: process.env,
    exists: existsSync,
    isRoot: process.getuid?.() === 0,
    installDebian: (name) =>
      apt(['update']) && apt(['install', '-y', '--no-install-recommends', name]),
  }
}

function apt(parameters: readonly string[]): boolean {
  const done = spawnSync('apt-get', ['-q', ...parameters], {
    stdio: 'ignore',
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  })
  return done.status === 0
}
