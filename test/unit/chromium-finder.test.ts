import { delimiter } from 'node:path'
import { describe, expect, it } from 'vitest'
import { type ChromiumSearch, findChromium } from '../chromium.ts'

const nothing: ChromiumSearch = {
  environment: { PATH: ['/one', '/two'].join(delimiter) },
  exists: () => false,
  playwrightPath: () => '/cache/chrome',
  isRoot: true,
  installDebian: () => {
    throw new Error('must not install')
  },
}

describe('the Chromium finder', () => {
  it('takes the given path before everything else', () => {
    const found = findChromium({
      ...nothing,
      environment: { ...nothing.environment, CONSTELLITE_CHROMIUM: '/mine' },
      exists: () => true,
    })
    expect(found).toEqual({ path: '/mine', source: 'given' })
  })

  it('refuses a given path that does not exist instead of taking another browser', () => {
    const found = findChromium({
      ...nothing,
      environment: { ...nothing.environment, CONSTELLITE_CHROMIUM: '/mine' },
      exists: (path) => path !== '/mine',
    })
    expect(found.path).toBeUndefined()
  })

  it("takes the system's before Playwright's", () => {
    const found = findChromium({
      ...nothing,
      exists: (path) => path === '/two/chromium-browser' || path === '/cache/chrome',
    })
    expect(found).toEqual({ path: '/two/chromium-browser', source: 'system' })
  })

  it("takes Playwright's where the system has none", () => {
    const found = findChromium({ ...nothing, exists: (path) => path === '/cache/chrome' })
    expect(found).toEqual({ path: '/cache/chrome', source: 'playwright' })
  })

  it("installs Debian's package only as root in CI", () => {
    let installed = false
    const search: ChromiumSearch = {
      ...nothing,
      environment: { ...nothing.environment, CI: 'true' },
      exists: (path) => installed && path === '/one/chromium',
      installDebian: () => {
        installed = true
        return true
      },
    }
    expect(findChromium({ ...search, isRoot: false }).path).toBeUndefined()
    expect(findChromium(search)).toEqual({ path: '/one/chromium', source: 'debian' })
  })

  it('says why when there is none, and installs nothing on a person’s machine', () => {
    const found = findChromium(nothing)
    expect(found.path === undefined && found.reason).toContain('no Chromium')
  })
})
