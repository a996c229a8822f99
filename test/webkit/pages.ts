/** What the tests of this folder share: WebKitGTK for one test, a page that a session drives, a page that tells
 *  by itself what it saw, and the words of the code in both. */

import { inject, onTestFinished } from 'vitest'
import { type BrowseOptions, startWebkit, type Webkit } from './browser.ts'
import type { Leashed } from './leash.ts'
import type { Session } from './session.ts'
import { serveVisits, type Visit, type Visits } from './visits.ts'

const WORDS = `
const migrations = ['CREATE TABLE note (id INTEGER PRIMARY KEY, body TEXT)']
const notes = (name, more) => open(name, { migrations, ...more })
const write = (db, body) => db.run('INSERT INTO note (body) VALUES (?)', [body])
const bodies = async (db) => (await db.all('SELECT body FROM note ORDER BY id')).map((row) => row.body)
const storageOf = ({ status }) => {
  const { kind, durable, persisted, reason } = status.storage
  return { kind, durable, persisted, reason }
}
const thrownBy = async (call) => {
  try {
    await call
  } catch (error) {
    return error
  }
  throw new Error('nothing was thrown')
}
`

/** What `storageOf` answers where nothing is switched on. */
export const IN_INDEXEDDB: Readonly<Record<string, unknown>> = {
  kind: 'indexeddb',
  durable: true,
  // It has no `navigator.storage` to ask.
  persisted: false,
  reason: 'no private file system of the site (OPFS) here',
}

/** Ends with the test. */
export async function webkit(): Promise<Webkit> {
  const made = await startWebkit()
  onTestFinished(() => made.close())
  return made
}

export async function visits(): Promise<Visits> {
  const made = await serveVisits({ packed: inject('packedFolder') })
  onTestFinished(() => made.close())
  return made
}

export type Driven = {
  readonly session: Session
  /** Of the page. */
  readonly url: string
  /** Shows the page anew, in the window that is driven. */
  show(): Promise<void>
  /** Runs the body of an async function in it. */
  run(code: string): Promise<unknown>
}

/** The page in a session, which is private. */
export async function drive(features?: readonly string[]): Promise<Driven> {
  const { url } = await visits()
  const session = await (await webkit()).drive(features)
  const show = (): Promise<void> => session.open(url)
  await show()
  return { session, url, show, run: (code) => session.run(`${WORDS}${code}`) }
}

export type Shown = { readonly visit: Visit; readonly browser: Leashed }

/** Pages on one profile on disk, in one browser after another. */
export async function browseOnDisk(): Promise<(code: string, options?: BrowseOptions) => Shown> {
  const [kit, pages] = [await webkit(), await visits()]
  return (code, options) => {
    const visit = pages.add(`${WORDS}${code}`)
    return { visit, browser: kit.browse(visit.url, options) }
  }
}

/** What the page's code returned; its browser is closed. */
export async function outcomeOf({ visit, browser }: Shown): Promise<unknown> {
  const early = browser.ended.then((how) => Promise.reject(new Error(how)))
  // It is ended here, and again with the test.
  early.catch(() => undefined)
  const outcome = await Promise.race([visit.ended, early])
  await browser.letGo()
  return outcome
}
