/** `npm start`: proves the main job in the terminal, then serves the page that shows it.
 *  Keeps: exit code 0 only when everything was verified; a busy port moves on to the next. */

import { parseArgs } from 'node:util'
import { type ServedPage, servePage } from './page-server.ts'
import { prove } from './proof/proof.ts'
import { explain } from './proof/words.ts'

const PAGE_PORT = 5173
const PORT_MAX = 65_535

const HELP = `npm start                 prove a replication here, then serve the demo page
npm start -- --once       prove it and end: exit code 0 when verified, 1 when not
npm start -- --port 8000  first port to try for the page (default ${PAGE_PORT}; a busy one moves on)
npm start -- --help       this text`

const EXIT_FAILURE = 1
const EXIT_USAGE = 2

type Wanted = { readonly isOnce: boolean; readonly port: number }

async function main(): Promise<number> {
  let wanted: Wanted | undefined
  try {
    wanted = readArguments()
  } catch (error) {
    console.error(`${explain(error)}\n\n${HELP}`)
    return EXIT_USAGE
  }
  if (wanted === undefined) return 0
  console.log(
    '\nConstellite: a real SQLite file travels to another process and is checked there.\n',
  )
  const isVerified = await prove(print)
  console.log(isVerified ? '\nAll of it verified.\n' : '\nNOT verified: see above.\n')
  if (!isVerified) return EXIT_FAILURE
  if (wanted.isOnce) return 0
  await serve(wanted.port)
  return 0
}

/** Undefined when only help was asked for. */
function readArguments(): Wanted | undefined {
  const { values } = parseArgs({
    options: {
      once: { type: 'boolean', default: false },
      port: { type: 'string', default: String(PAGE_PORT) },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  if (values.help) {
    console.log(HELP)
    return undefined
  }
  const port = Number(values.port)
  if (!Number.isInteger(port) || port < 1 || port > PORT_MAX) {
    throw new Error(`--port takes a number from 1 to ${PORT_MAX}, not "${values.port}"`)
  }
  return { isOnce: values.once, port }
}

/** Resolves when it was stopped with Ctrl+C. */
async function serve(port: number): Promise<void> {
  const page = await servePage({ port })
  console.log(`The demo page:   ${page.url}`)
  console.log(`Its relay:       ${page.relayUrl}`)
  console.log(
    '\nOpen the page in a browser, and once more in a second window.  Ctrl+C stops both.\n',
  )
  await interruption()
  await stop(page)
}

function interruption(): Promise<void> {
  return new Promise((resolve) => {
    process.once('SIGINT', () => resolve())
    process.once('SIGTERM', () => resolve())
  })
}

async function stop(page: ServedPage): Promise<void> {
  console.log('\nStopping.')
  await page.close()
}

function print(label: string, text: string): void {
  console.log(text === '' && label === '' ? '' : `  ${label.padEnd(17)}${text}`)
}

try {
  process.exitCode = await main()
} catch (error) {
  console.error(`\n${explain(error)}`)
  process.exitCode = EXIT_FAILURE
}
