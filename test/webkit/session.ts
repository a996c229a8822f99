/** A session of W3C WebDriver, as much of it as these tests need: pages, code in them, windows.
 *  Spec: https://www.w3.org/TR/webdriver2. */

export type Session = {
  /** The window that is driven is one of these. */
  readonly window: string
  open(url: string): Promise<void>
  reload(): Promise<void>
  /** To the page before, which may be in the back/forward cache. */
  back(): Promise<void>
  /** Runs the body of an async function in the page, and answers what it returns. */
  run(code: string): Promise<unknown>
  /** Another window, which is driven from now on. */
  openWindow(kind: 'tab' | 'window'): Promise<string>
  switchTo(window: string): Promise<void>
  /** Closes the window that is driven; another one has to be chosen. */
  closeWindow(): Promise<void>
  end(): Promise<void>
}

export type BrowserProgram = { readonly binary: string; readonly args: readonly string[] }

const START_MS_MAX = 20_000
const START_INTERVAL_MS = 50
const SCRIPT_MS_MAX = 60_000

/** What comes back is what the page's code came to: a failure of it is not one of the driver. */
const IN_PAGE = `
const answer = arguments[arguments.length - 1]
const body = Object.getPrototypeOf(async () => {}).constructor(arguments[0])
body().then(
  (value) => answer({ value }),
  (error) => answer({ error: String(error?.stack ?? error), message: String(error) }),
)`

export async function startSession(driver: string, program: BrowserProgram): Promise<Session> {
  await untilReady(driver)
  const made = await ask(driver, 'POST', '/session', {
    capabilities: { alwaysMatch: { 'webkitgtk:browserOptions': program } },
  })
  // The protocol says so.
  const { sessionId } = made as { readonly sessionId: string }
  const base = `${driver}/session/${sessionId}`
  const post = (path: string, body: object = {}): Promise<unknown> => ask(base, 'POST', path, body)
  await post('/timeouts', { script: SCRIPT_MS_MAX })
  // As above.
  let window = (await ask(base, 'GET', '/window')) as string
  const switchTo = async (handle: string): Promise<void> => {
    await post('/window', { handle })
    window = handle
  }
  return {
    get window() {
      return window
    },
    open: async (url) => void (await post('/url', { url })),
    reload: async () => void (await post('/refresh')),
    back: async () => void (await post('/back')),
    run: async (code) => {
      const outcome = await post('/execute/async', { script: IN_PAGE, args: [code] })
      // The script answers one of the two.
      const { value, error, message } = outcome as Record<string, unknown>
      if (error !== undefined) throw new Error(`in the page: ${message}\n${error}`)
      return value
    },
    openWindow: async (type) => {
      // As above.
      const { handle } = (await post('/window/new', { type })) as { readonly handle: string }
      await switchTo(handle)
      return handle
    },
    switchTo,
    closeWindow: async () => void (await ask(base, 'DELETE', '/window')),
    end: async () => void (await ask(base, 'DELETE', '')),
  }
}

async function untilReady(driver: string): Promise<void> {
  const deadlineMs = performance.now() + START_MS_MAX
  for (;;) {
    try {
      await ask(driver, 'GET', '/status')
      return
    } catch (error) {
      if (performance.now() > deadlineMs) throw error
      await new Promise((resolve) => setTimeout(resolve, START_INTERVAL_MS))
    }
  }
}

async function ask(base: string, method: string, path: string, body?: object): Promise<unknown> {
  const response = await fetch(`${base}${path}`, {
    method,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(2 * SCRIPT_MS_MAX),
  })
  const { value } = await response.json()
  if (response.ok) return value
  throw new Error(`WebDriver, ${method} ${path}: ${value?.error}: ${value?.message}`)
}
