/** DevTools: a Chromium and its tabs over the DevTools Protocol alone.
 *  Why not Playwright: it keeps every page visible, and Chromium freezes hidden pages only. */

import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { WebSocket } from 'ws'
import { CHROMIUM_ARGUMENTS } from '../chromium.ts'
import type { Tab, TabBrowser } from './browser.ts'

const STARTING_MS = 30_000
const ANSWER_MS = 60_000
const ENDING_MS = 5_000

type Send = (method: string, params?: object, session?: string) => Promise<Result>

/** What of the answers is used here. */
type Result = {
  readonly targetId: string
  readonly sessionId: string
  readonly result: { readonly value: unknown }
  readonly exceptionDetails?: { readonly exception?: { readonly description?: string } }
}

type Answer = {
  readonly id?: number
  readonly result: Result
  readonly error?: { readonly message: string }
}

export async function startDevTools(path: string): Promise<TabBrowser> {
  const profile = mkdtempSync(join(tmpdir(), 'constellite-tabs-'))
  const program = spawn(
    path,
    [
      ...CHROMIUM_ARGUMENTS,
      '--headless=new',
      '--no-first-run',
      '--remote-debugging-port=0',
      `--user-data-dir=${profile}`,
    ],
    { stdio: ['ignore', 'ignore', 'pipe'], detached: true },
  )
  const ended = new Promise((resolve) => program.once('exit', resolve))
  const end = async (): Promise<void> => {
    // With its children, which otherwise write on into the profile.
    const kill = (): unknown => program.pid !== undefined && process.kill(-program.pid, 'SIGKILL')
    if (program.exitCode === null && program.signalCode === null) {
      const late = setTimeout(kill, ENDING_MS)
      await ended
      clearTimeout(late)
    }
    rmSync(profile, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 })
  }
  try {
    const send = await connect(await addressOf(program))
    const close = async (): Promise<void> => {
      // It may end before it answers.
      send('Browser.close').catch(() => undefined)
      await end()
    }
    return { name: 'Chromium', keepsPages: true, open: (url) => openTab(send, url), close }
  } catch (error) {
    await end()
    throw error
  }
}

function addressOf({ stderr }: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let said = ''
    const late = setTimeout(() => reject(new Error(`Chromium did not start: ${said}`)), STARTING_MS)
    stderr?.on('data', (text) => {
      said += text
      const address = /ws:\/\/\S+/.exec(said)?.[0]
      if (address === undefined) return
      clearTimeout(late)
      resolve(address)
    })
  })
}

async function connect(address: string): Promise<Send> {
  const socket = new WebSocket(address)
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject))
  const pending = new Map<number, (answer: Answer) => void>()
  let lastId = 0
  socket.on('message', (text) => {
    const answer = JSON.parse(String(text)) as Answer
    if (answer.id !== undefined) pending.get(answer.id)?.(answer)
  })
  return (method, params = {}, sessionId) =>
    new Promise((resolve, reject) => {
      lastId += 1
      const id = lastId
      const settle = (answer: Pick<Answer, 'error'> & Partial<Answer>): void => {
        clearTimeout(late)
        pending.delete(id)
        if (answer.result === undefined) reject(new Error(`${method}: ${answer.error?.message}`))
        else resolve(answer.result)
      }
      const late = setTimeout(() => settle({ error: { message: 'no answer' } }), ANSWER_MS)
      // A page that crashes never answers, and is waited for by nobody.
      late.unref()
      pending.set(id, settle)
      socket.send(JSON.stringify({ id, method, params, sessionId }))
    })
}

async function openTab(send: Send, url: string): Promise<Tab> {
  const { targetId } = await send('Target.createTarget', { url })
  const { sessionId } = await send('Target.attachToTarget', { targetId, flatten: true })
  const evaluate = async (expression: string): Promise<unknown> => {
    const parameters = { expression, awaitPromise: true, returnByValue: true }
    const { result, exceptionDetails } = await send('Runtime.evaluate', parameters, sessionId)
    const thrown = exceptionDetails?.exception?.description
    if (thrown !== undefined) throw new Error(thrown)
    return result.value
  }
  const setState = (state: 'frozen' | 'active') =>
    send('Page.setWebLifecycleState', { state }, sessionId)
  return {
    evaluate,
    show: async () => {
      await send('Target.activateTarget', { targetId })
    },
    close: async () => {
      await send('Target.closeTarget', { targetId })
    },
    crash: async () => {
      // The page is gone before it could answer.
      void send('Page.crash', {}, sessionId).catch(() => undefined)
    },
    freeze: async () => {
      await setState('frozen')
    },
    thaw: async () => {
      await setState('active')
    },
    leave: async (away) => {
      await send('Page.navigate', { url: away }, sessionId)
    },
    comeBack: async () => {
      await evaluate('history.back()')
    },
  }
}
