/** The WebKitGTK that the tests drive: its small browser, its WebDriver, and a display that nobody sees.
 *  Keeps: finding none is an answer with its reason, so that the runner can count it as a skip. */

import {
  type BrowserKind,
  type BrowserSearch,
  findBrowser,
  machineSearch,
} from './support/find-browser.ts'

export type WebkitFound =
  | {
      /** Of the browser. */
      readonly path: string
      readonly driver: string
      readonly display: string
    }
  | { readonly path: undefined; readonly reason: string }

/** Where distributions put programs that nobody starts by hand, under the API's version. */
const LIBRARIES = [
  '/usr/lib/x86_64-linux-gnu',
  '/usr/lib/aarch64-linux-gnu',
  '/usr/libexec',
  '/usr/lib',
].map((folder) => `${folder}/webkit2gtk-4.1`)

const BROWSER: BrowserKind = {
  title: 'WebKitGTK',
  variable: 'CONSTELLITE_WEBKIT',
  names: ['MiniBrowser'],
  folders: LIBRARIES,
  // The library has the browser; the driver comes with it.
  package: 'webkit2gtk-driver',
  advice: 'no MiniBrowser on PATH or beside the library (set CONSTELLITE_WEBKIT)',
}

const DRIVER: BrowserKind = {
  title: 'WebDriver of WebKitGTK',
  variable: 'CONSTELLITE_WEBKIT_DRIVER',
  names: ['WebKitWebDriver'],
  package: 'webkit2gtk-driver',
  advice: 'no WebKitWebDriver on PATH (set CONSTELLITE_WEBKIT_DRIVER)',
}

const DISPLAY: BrowserKind = {
  title: 'display for WebKitGTK',
  variable: 'CONSTELLITE_XVFB',
  names: ['Xvfb'],
  package: 'xvfb',
  advice: 'no Xvfb on PATH (set CONSTELLITE_XVFB)',
}

export function findWebkit(search: BrowserSearch = machineSearch()): WebkitFound {
  const browser = findBrowser(BROWSER, search)
  if (browser.path === undefined) return browser
  const driver = findBrowser(DRIVER, search)
  if (driver.path === undefined) return driver
  const display = findBrowser(DISPLAY, search)
  if (display.path === undefined) return display
  return { path: browser.path, driver: driver.path, display: display.path }
}
