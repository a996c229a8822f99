/** The actors of a matrix run: one for each runtime that this machine has, and why the others are missing.
 *  Another runtime joins by one more entry of `actors()`. */

import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { chromium, firefox } from 'playwright-core'
import { build } from 'rolldown'
import { CHROMIUM_ARGUMENTS, findChromium } from '../chromium.ts'
import { findFirefox, firefoxLaunch } from '../firefox.ts'
import { commandIn, findRuntime, type RuntimeName } from '../support/runtimes.ts'
import { bundleWorkerd } from '../workerd/bundle.ts'
import { actorAt } from '../workerd/client.ts'
import { edgeModules, findWorkerd, startWorkerd } from '../workerd/serve.ts'
import type { Perform } from './actor-commands.ts'
import { type ControlServer, startControlServer } from './control-server.ts'

/** An actor that runs: what it is told, it does in its runtime. */
export type Actor = { readonly tell: Perform; stop(): Promise<void> }

export type ActorKind = {
  readonly name: string
  /** Why this machine cannot have it. */
  readonly missing: string | undefined
  start(stage: Stage): Promise<Actor>
}

/** What the actors of one run share. */
export type Stage = {
  readonly control: ControlServer
  /** The project that has the package installed, and the program `actor.mjs` beside it. */
  readonly project: string
  /** Gone when the run is over. */
  readonly folder: string
  close(): Promise<void>
}

export async function openStage(project: string): Promise<Stage> {
  const folder = mkdtempSync(join(tmpdir(), 'constellite-actors-'))
  const { output } = await build({
    input: fileURLToPath(new URL('./actor-program.ts', import.meta.url)),
    external: ['constellite'],
    platform: 'neutral',
    logLevel: 'silent',
    tsconfig: false,
    write: false,
    output: { format: 'esm', codeSplitting: false },
  })
  writeFileSync(join(project, 'actor.mjs'), output[0].code)
  const browser = join(project, 'node_modules/constellite/dist/browser')
  const control = await startControlServer({ program: project, browser })
  return {
    control,
    project,
    folder,
    close: async () => {
      await control.close()
      rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 })
    },
  }
}

export function actors(): readonly ActorKind[] {
  const processes = (['node', 'deno', 'bun'] as const).map(processActor)
  return [...processes, workerdActor(), chromiumActor(), firefoxActor()]
}

function processActor(name: RuntimeName): ActorKind {
  const found = findRuntime(name)
  return {
    name,
    missing: found.program === undefined ? found.reason : undefined,
    start: async ({ control, project, folder }) => {
      if (found.program === undefined) throw new Error(found.reason)
      const own = join(folder, name)
      mkdirSync(own)
      const [program = '', ...parameters] = commandIn(found, [project, own])
      const query = new URLSearchParams({ control: control.url, actor: name })
      const script = [join(project, 'actor.mjs'), String(query)]
      const child = spawn(program, [...parameters, ...script], {
        cwd: own,
        env: { ...process.env, DENO_DIR: join(own, 'deno'), DENO_NO_UPDATE_CHECK: '1' },
        stdio: ['ignore', 'ignore', 'pipe'],
      })
      const ended = failWhenItEnds(control, name, child)
      return {
        tell: (command) => control.tell(name, command),
        stop: async () => {
          child.kill('SIGKILL')
          await ended
        },
      }
    },
  }
}

/** An object, in storage of its own. */
function workerdActor(): ActorKind {
  const name = 'workerd'
  const missing =
    findWorkerd() === undefined ? 'the package workerd has no binary for this machine' : undefined
  return {
    name,
    missing,
    start: async ({ project, folder }) => {
      const workerd = await startWorkerd({
        program: await bundleWorkerd([]),
        modules: edgeModules(project),
        folder: join(folder, name),
      })
      const object = actorAt(workerd.url, name)
      return {
        tell: async (command) => (await object.ask('perform', { command })) ?? undefined,
        stop: async () => void (await workerd.kill()),
      }
    },
  }
}

function failWhenItEnds(control: ControlServer, name: string, child: ChildProcess): Promise<void> {
  let errors = ''
  child.stderr?.on('data', (chunk: Buffer) => {
    errors += chunk.toString()
  })
  return new Promise((resolve) => {
    child.once('error', (error) => control.fail(name, error))
    child.once('close', (code, signal) => {
      control.fail(name, new Error(`${name} ended with ${signal ?? code}:\n${errors}`))
      resolve()
    })
  })
}

function chromiumActor(): ActorKind {
  const found = findChromium()
  return {
    name: 'chromium',
    missing: found.path === undefined ? found.reason : undefined,
    start: async (stage) => {
      if (found.path === undefined) throw new Error(found.reason)
      // A profile on disk: an incognito context has no real OPFS.
      const context = await chromium.launchPersistentContext(join(stage.folder, 'chromium'), {
        executablePath: found.path,
        args: [...CHROMIUM_ARGUMENTS],
        headless: true,
      })
      return pageActor('chromium', stage, context)
    },
  }
}

function firefoxActor(): ActorKind {
  const found = findFirefox()
  return {
    name: 'firefox',
    missing: found.path === undefined ? found.reason : undefined,
    start: async (stage) => {
      if (found.path === undefined) throw new Error(found.reason)
      const home = join(stage.folder, 'firefox')
      mkdirSync(home)
      const browser = await firefox.launch(firefoxLaunch(found.path, home))
      return pageActor('firefox', stage, {
        newPage: async () => (await browser.newContext()).newPage(),
        close: () => browser.close(),
      })
    },
  }
}

type PageSource = {
  newPage(): ReturnType<Awaited<ReturnType<typeof chromium.launchPersistentContext>>['newPage']>
  close(): Promise<void>
}

async function pageActor(name: string, { control }: Stage, source: PageSource): Promise<Actor> {
  const page = await source.newPage()
  page.on('pageerror', (error) => control.fail(name, error))
  page.on('crash', () => control.fail(name, new Error(`the page in ${name} crashed`)))
  const query = new URLSearchParams({ control: control.url, actor: name })
  await page.goto(`${control.url}/page?${query}`)
  return { tell: (command) => control.tell(name, command), stop: () => source.close() }
}
