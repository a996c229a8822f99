/** The README's lines for frameworks that also render on a server: typed as they stand, the page says in
 *  Chromium what it should, from its build and from the development server, and what the server rendered has
 *  opened no database there. */

import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, inject, it, onTestFinished } from 'vitest'
import { packedAt } from '../../support/packed.ts'
import { type Chromium, startChromium } from '../../support/page.ts'
import { serveFolders } from '../../support/static-server.ts'
import { type Project, typeLines } from '../project.ts'
import { developmentCommand, externalSetting, linesFor, splitServer } from '../readme.ts'
import { KEPT, visitTwice } from '../visit.ts'

const { tarball } = packedAt(inject('packedFolder'))
let browser: Chromium

beforeAll(async () => {
  browser = await startChromium()
})
afterAll(async () => {
  await browser?.close()
})

type Framework = {
  readonly title: string
  /** How the last line begins, where it starts a server; else the build is a folder of files. */
  readonly server?: string
  readonly development: string
  /** Added to it, because the test has an address of its own. */
  readonly parameters: string
}

const FRAMEWORKS: readonly Framework[] = [
  {
    title: 'Next 16',
    server: 'npx next start',
    development: 'npx next dev',
    parameters: '',
  },
  {
    title: 'Nuxt 4',
    server: 'node .output/server/index.mjs',
    development: 'npx nuxt dev',
    parameters: '--host 127.0.0.1 --port $PORT --no-fork',
  },
  {
    title: 'SvelteKit 2',
    development: 'npx vite',
    parameters: '--host 127.0.0.1 --port $PORT',
  },
]

describe.each(FRAMEWORKS)('with $title', ({ title, server, development, parameters }) => {
  const lines = linesFor(title)
  let project: Project

  beforeAll(async () => {
    const typed = server === undefined ? lines : splitServer(lines).before
    project = await typeLines({ tarball, lines: typed })
  })
  afterAll(() => project?.remove())

  it('a page keeps its visits from the build, and the server opens nothing', async ({ skip }) => {
    if (project.missing !== undefined) return skip(project.missing)
    if (server !== undefined) expect(splitServer(lines).server).toBe(server)
    const url = server === undefined ? await serveBuild() : await start(server)
    const answer = await fetch(url)
    expect(answer.status).toBe(200)
    // What the server rendered, before the page counts.
    expect(await answer.text()).toContain('<p></p>')
    const { workers, ...seen } = await visitTwice(browser, url)
    expect(seen).toEqual(KEPT)
    expect(workers).toHaveLength(2)
    expect(existsSync(join(project.folder, 'visits.constellite'))).toBe(false)
  })

  it('a page keeps its visits from the development server', async ({ skip }) => {
    if (project.missing !== undefined) return skip(project.missing)
    expect(developmentCommand(lines)).toBe(development)
    const url = await start(`${development} ${parameters}`)
    const { workers, complaints, texts } = await visitTwice(browser, url)
    // A development server may load the page once more, and React runs its effects twice.
    for (const text of texts) expect(text).toMatch(/^visit \d, kept in opfs$/)
    expect(new Set(texts).size).toBe(2)
    expect(complaints).toEqual([])
    expect(workers.length).toBeGreaterThanOrEqual(2)
  })

  async function start(command: string): Promise<string> {
    const running = await project.serve(command)
    onTestFinished(() => running.stop())
    return running.url
  }

  async function serveBuild(): Promise<string> {
    const files = await serveFolders({ '/': join(project.folder, 'build') })
    onTestFinished(() => files.close())
    return files.url
  }
})

const NEXT_BUILDS = ['npx next build', 'npx next build --webpack']
/** With webpack it took 70 s on two cores that had other work. */
const BUILD_MS_MAX = 300_000

describe('with Next and a database on its server', () => {
  const { before, server } = splitServer(linesFor('Next 16'))
  let project: Project

  beforeAll(async () => {
    const lines = before.replace(/^npx next build.*$/m, '')
    expect(lines).not.toBe(before)
    project = await typeLines({ tarball, lines: `${lines}${SERVER_FILES}` })
  })
  afterAll(() => project?.remove())

  it.for(NEXT_BUILDS)(
    'a server component imports the package, and a route counts in a file of the server, by %s',
    {
      timeout: BUILD_MS_MAX,
    },
    async (build, { skip }) => {
      if (project.missing !== undefined) return skip(project.missing)
      for (const made of ['.next', 'visits.constellite']) {
        rmSync(join(project.folder, made), { recursive: true, force: true })
      }
      // webpack gives files of the server addresses for browsers.
      const settings = build.endsWith('--webpack') ? externalSetting() : 'export default {}'
      writeFileSync(join(project.folder, 'next.config.js'), settings)
      const running = await project.serve(`${build} && ${server}`)
      onTestFinished(() => running.stop())
      const component = await fetch(`${running.url}component`)
      expect(await component.text()).toContain('<p>open is a function</p>')
      const { texts, complaints } = await visitTwice(browser, running.url)
      expect({ texts, complaints }).toEqual(KEPT)
      expect(existsSync(join(project.folder, 'visits.constellite'))).toBe(false)
      const said: string[] = []
      for (let visit = 1; visit <= 2; visit++) {
        said.push(await (await fetch(`${running.url}count`)).text())
      }
      expect(said).toEqual(['visit 1, kept in node-fs', 'visit 2, kept in node-fs'])
      expect(existsSync(join(project.folder, 'visits.constellite'))).toBe(true)
    },
  )
})

const SERVER_FILES = `mkdir app/component app/count
cat > app/component/page.jsx <<'END'
import { open } from 'constellite'

export const dynamic = 'force-dynamic'

export default function Page() {
  return <p>{\`open is a \${typeof open}\`}</p>
}
END
cat > app/count/route.js <<'END'
import { countVisit } from '../../visits.js'

export const dynamic = 'force-dynamic'

export async function GET() {
  return new Response(await countVisit())
}
END
`
