/** The README's lines for Kysely and Drizzle in a page: set up with Vite by the README's lines, they say in
 *  Chromium what they say in Node, from the build and from the development server. */

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, inject, it, onTestFinished } from 'vitest'
import { packedAt } from '../../support/packed.ts'
import { type Chromium, startChromium } from '../../support/page.ts'
import { readmeFile } from '../../support/readme-file.ts'
import { type Project, typeLines } from '../project.ts'
import { linesFor } from '../readme.ts'
import { complaintsIn } from '../visit.ts'

const ORMS = ['kysely', 'drizzle-orm'] as const
const BUILD = /^npx vite build.*$/m

/** One after the other: both open `notes`. */
const MAIN = `await import('./kysely.ts')
await import('./drizzle.ts')
document.body.append('done')
`

const { tarball } = packedAt(inject('packedFolder'))
let browser: Chromium
let project: Project

beforeAll(async () => {
  browser = await startChromium()
  await browser.context.route('**/favicon.ico', (route) => route.fulfill({ status: 204 }))
  const manifest: { devDependencies: Record<string, string> } = JSON.parse(
    readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'),
  )
  const orms = ORMS.map((name) => `${name}@${manifest.devDependencies[name]}`)
  const lines = linesFor('Vite 8', { page: true })
  expect(lines).toMatch(BUILD)
  project = await typeLines({
    tarball,
    lines: lines.replace(BUILD, `npm install ${orms.join(' ')}`),
  })
  const files = {
    'main.js': MAIN,
    'kysely.ts': readmeFile('kysely.ts'),
    'drizzle.ts': readmeFile('drizzle.ts'),
  }
  for (const [name, text] of Object.entries(files)) writeFileSync(join(project.folder, name), text)
})
afterAll(async () => {
  await browser?.close()
  project?.remove()
})

async function say(url: string): Promise<readonly string[]> {
  const before = browser.log.length
  const page = await browser.open(url)
  onTestFinished(() => page.close())
  await page.waitForFunction('document.body.innerText.includes("done")')
  const log = browser.log.slice(before)
  expect(complaintsIn(log)).toEqual([])
  return log.filter((line) => line.startsWith('log: '))
}

it('say it from the build', async ({ skip }) => {
  if (project.missing !== undefined) return skip(project.missing)
  const command = 'npx vite build && npx vite preview --host 127.0.0.1 --port $PORT'
  const running = await project.serve(command)
  onTestFinished(() => running.stop())
  expect(await say(running.url)).toEqual(['log: Hello', 'log: Hello'])
})

it('say it from the development server', async ({ skip }) => {
  if (project.missing !== undefined) return skip(project.missing)
  const running = await project.serve('npx vite --host 127.0.0.1 --port $PORT')
  onTestFinished(() => running.stop())
  expect(await say(running.url)).toEqual(['log: Hello', 'log: Hello'])
})
