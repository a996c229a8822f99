/** The README's table of set-ups says what the tests of this folder type: the same tools, of the same
 *  versions, and nothing else. */

import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { linesFor, tableRows, toolTitles } from './readme.ts'

const FOLDER = new URL('.', import.meta.url)

/** The one that the relay is deployed with. */
const WRANGLER =
  /## A relay on Cloudflare[\s\S]*?install --save-dev --ignore-scripts (wrangler@[\d.]+)/.exec(
    readFileSync(new URL('../../README.md', FOLDER), 'utf8'),
  )?.[1] ?? ''

describe('the table of set-ups', () => {
  it('has a row for every tool whose lines the README has, in the same order', () => {
    expect(toolTitles().length).toBeGreaterThan(5)
    const titles = tableRows().map((row) => row.title)
    expect(titles).toEqual(toolTitles())
  })

  it('has no tool that no test types the lines of', () => {
    const files = readdirSync(FOLDER, { recursive: true, encoding: 'utf8' })
    const tests = files.filter((name) => /(bundlers|runtimes|frameworks)\.test\.ts$/.test(name))
    const code = tests.map((name) => readFileSync(new URL(name, FOLDER), 'utf8')).join('\n')
    const untried = toolTitles().filter((title) => !code.includes(`'${title}'`))
    expect(untried).toEqual([])
  })

  it('names the versions of Deno, Bun and wrangler that are tried', () => {
    const triedOf = (title: string): string =>
      tableRows().find((row) => row.title === title)?.tried ?? ''
    const { devDependencies } = JSON.parse(
      readFileSync(new URL('../../package.json', FOLDER), 'utf8'),
    )
    const { deno, bun } = devDependencies
    expect(triedOf('Node, Deno, Bun')).toBe(`Node 20, Deno ${deno}, Bun ${bun}`)
    expect(triedOf('Workers')).toBe(`${WRANGLER.replace('@', ' ')}, its dev server`)
    expect(linesFor('Workers')).toContain(` ${WRANGLER}\n`)
  })

  it('names the versions that the lines install, each pinned', () => {
    for (const { title, tried } of tableRows()) {
      const lines = linesFor(title).replace('npm install constellite', '')
      const installs = lines.match(/^npm install .+$/gm) ?? []
      const packages = installs
        .flatMap((it) => it.split(' ').slice(2))
        .filter((it) => it[0] !== '-')
      for (const name of packages) expect(name).toMatch(/^@?[\w/-]+@\d+\.\d+\.\d+$/)
      const versions = packages.map((name) => name.split('@').at(-1) ?? '')
      for (const version of tried.match(/\d+\.\d+\.\d+/g) ?? []) {
        if (packages.length > 0) expect(versions, title).toContain(version)
      }
      expect(packages.length === 0 || /\d+\.\d+\.\d+/.test(tried), title).toBe(true)
    }
  })
})
