import { delimiter } from 'node:path'
import { describe, expect, it } from 'vitest'
import { findChromium } from '../chromium.ts'
import { findFirefox } from '../firefox.ts'
import type { BrowserSearch } from '../support/find-browser.ts'
import { findWebkit } from '../webkit.ts'

const nothing: BrowserSearch = {
  environment: { PATH: ['/one', '/two'].join(delimiter) },
  exists: () => false,
  playwrightPath: () => '/cache/chrome',
  isRoot: true,
  installDebian: () => {
    throw new Error('must not install')
  },
}

const browsers = [
  { title: 'Chromium', find: findChromium, variable: 'CONSTELLITE_CHROMIUM', program: 'chromium' },
  { title: 'Firefox', find: findFirefox, variable: 'CONSTELLITE_FIREFOX', program: 'firefox-esr' },
] as const

describe.each(browsers)('the $title finder', ({ title, find, variable, program }) => {
  const given = { ...nothing.environment, [variable]: '/mine' }

  it('takes the given path before everything else', () => {
    const found = find({ ...nothing, environment: given, exists: () => true })
    expect(found).toEqual({ path: '/mine', source: 'given' })
  })

  it('refuses a given path that does not exist instead of taking another browser', () => {
    const found = find({ ...nothing, environment: given, exists: (path) => path !== '/mine' })
    expect(found.path === undefined && found.reason).toContain(`${variable} names /mine`)
  })

  it("takes the system's before Playwright's", () => {
    const has = [`/two/${program}`, '/cache/chrome']
    const found = find({ ...nothing, exists: (path) => has.includes(path) })
    expect(found).toEqual({ path: `/two/${program}`, source: 'system' })
  })

  it("installs Debian's package only as root in CI", () => {
    const installed: string[] = []
    const search: BrowserSearch = {
      ...nothing,
      environment: { ...nothing.environment, CI: 'true' },
      exists: (path) => installed.length > 0 && path === `/one/${program}`,
      installDebian: (name) => installed.push(name) > 0,
    }
    expect(find({ ...search, isRoot: false }).path).toBeUndefined()
    expect(installed).toEqual([])
    expect(find(search)).toEqual({ path: `/one/${program}`, source: 'debian' })
    expect(installed).toEqual([program])
  })

  it('says why when there is none, and installs nothing on a person’s machine', () => {
    const found = find(nothing)
    expect(found.path === undefined && found.reason).toContain(`no ${title}`)
  })
})

it("takes Playwright's Chromium where the system has none", () => {
  const found = findChromium({ ...nothing, exists: (path) => path === '/cache/chrome' })
  expect(found).toEqual({ path: '/cache/chrome', source: 'playwright' })
})

it("takes each browser under its other names, the one that Debian's package brings first", () => {
  const firefox = findFirefox({ ...nothing, exists: (path) => path === '/one/firefox' })
  expect(firefox).toEqual({ path: '/one/firefox', source: 'system' })
  const chrome = findChromium({ ...nothing, exists: (path) => path === '/two/google-chrome' })
  expect(chrome).toEqual({ path: '/two/google-chrome', source: 'system' })
  const both = findFirefox({ ...nothing, exists: (path) => path.startsWith('/one/firefox') })
  expect(both).toEqual({ path: '/one/firefox-esr', source: 'system' })
})

describe('the WebKitGTK finder', () => {
  const browser = '/usr/libexec/webkit2gtk-4.1/MiniBrowser'
  const all = { path: browser, driver: '/one/WebKitWebDriver', display: '/two/Xvfb' }

  it('takes the browser that lies beside its library, with its driver and a display', () => {
    const has = Object.values(all)
    expect(findWebkit({ ...nothing, exists: (path) => has.includes(path) })).toEqual(all)
  })

  it('takes given paths, and refuses one that does not exist', () => {
    const environment = { ...nothing.environment, CONSTELLITE_WEBKIT: '/mine' }
    const has = [all.driver, all.display, '/mine']
    const search = { ...nothing, environment, exists: (path: string) => has.includes(path) }
    expect(findWebkit(search)).toEqual({ ...all, path: '/mine' })
    const found = findWebkit({ ...search, exists: (path) => path !== '/mine' })
    expect(found.path === undefined && found.reason).toContain('CONSTELLITE_WEBKIT names /mine')
  })

  it('installs Debian’s packages as root in CI, and no package whose program is there', () => {
    const installed: string[] = []
    const brought: Readonly<Record<string, readonly string[]>> = {
      'webkit2gtk-driver': [all.path, all.driver],
      xvfb: [all.display],
    }
    const search: BrowserSearch = {
      ...nothing,
      environment: { ...nothing.environment, CI: 'true' },
      exists: (path) => installed.some((name) => brought[name]?.includes(path)),
      installDebian: (name) => installed.push(name) > 0,
    }
    expect(findWebkit(search)).toEqual(all)
    expect(installed).toEqual(['webkit2gtk-driver', 'xvfb'])
  })

  it.each([
    ['WebKitGTK', 'CONSTELLITE_WEBKIT', [all.driver, all.display]],
    ['WebDriver of WebKitGTK', 'CONSTELLITE_WEBKIT_DRIVER', [all.path, all.display]],
    ['display for WebKitGTK', 'CONSTELLITE_XVFB', [all.path, all.driver]],
  ])('says that it is the %s that is missing', (title, variable, has) => {
    const found = findWebkit({ ...nothing, exists: (path) => has.includes(path) })
    expect(found.path === undefined && found.reason).toMatch(`no ${title}: `)
    expect(found.path === undefined && found.reason).toContain(variable)
  })
})
