/** The demo page: finds out which window it is, opens its databases, and wires the header.  What it knows
 *  is also at `globalThis.demo`. */

import { isFailure } from '../src/base/failure.ts'
import { part, setText } from './page/dom.ts'
import { mountPageLog } from './page/page-log.ts'
import type { Peer } from './page/peer.ts'
import { type Session, startSession } from './page/session.ts'
import { linkTo, takePlace } from './page/window-place.ts'

export type Demo = {
  /** Writer and follower; one follower alone in a window that was opened by a link. */
  readonly peers: readonly Peer[]
  readonly relay: string
  /** What went wrong outside of the databases. */
  readonly failures: readonly string[]
}

declare global {
  var demo: Demo | undefined
}

/** Where `npx constellite serve` listens, for a page that was not served by `npm start`. */
const RELAY_OTHERWISE = 'ws://127.0.0.1:8787'

const START_OVER_LINKED =
  'This deletes the follower of this window, with its keys, and follows the same writer anew.'

async function main(): Promise<void> {
  const relay =
    document.querySelector<HTMLMetaElement>('meta[name="relay"]')?.content ?? RELAY_OTHERWISE
  const peers: Peer[] = []
  const failures: string[] = []
  globalThis.demo = { peers, relay, failures }
  setText(part(document, 'relay', HTMLElement), relay)
  keepPage()
  const notice = part(document, 'notice', HTMLElement)
  const onFailure = (during: string, error: unknown): void => {
    failures.push(`${during}: ${wordsOf(error)}`)
    setText(notice, failures.join('\n'))
  }
  try {
    const place = await takePlace()
    const session = startSession({
      place,
      relay,
      target: part(document, 'panes', HTMLElement),
      peers,
      onAddress: offerLink,
      onFailure,
      pageLog: mountPageLog(document),
    })
    if (place.number > 1) part(document, 'second', HTMLElement).textContent = 'Open another window'
    if (place.address !== undefined) {
      setText(part(document, 'start-over-text', HTMLElement), START_OVER_LINKED)
    }
    wireStartOver(session, onFailure)
  } catch (error) {
    onFailure('Starting', error)
  }
}

/** A file dropped beside the writer's pane would be opened instead of the page. */
function keepPage(): void {
  for (const type of ['dragover', 'drop']) {
    addEventListener(type, (event) => event.preventDefault())
  }
}

function offerLink(address: string): void {
  const button = part(document, 'copy-link', HTMLButtonElement)
  const notice = part(document, 'notice', HTMLElement)
  const link = linkTo(address)
  button.disabled = false
  button.onclick = async () => {
    try {
      await navigator.clipboard.writeText(link)
      setText(
        notice,
        'Copied: whoever opens this link follows this writer, in another browser too.',
      )
    } catch {
      // No permission for the clipboard: it is shown to be copied by hand.
      setText(notice, `Copy this link: ${link}`)
    }
  }
}

function wireStartOver(
  session: Session,
  onFailure: (during: string, error: unknown) => void,
): void {
  const dialog = part(document, 'start-over-dialog', HTMLDialogElement)
  part(document, 'start-over', HTMLButtonElement).addEventListener('click', () => {
    dialog.returnValue = ''
    dialog.showModal()
  })
  dialog.addEventListener('close', () => {
    if (dialog.returnValue !== 'yes') return
    session.startOver().catch((error) => onFailure('Starting over', error))
  })
}

function wordsOf(error: unknown): string {
  if (isFailure(error)) return `${error.code}: ${error.message} ${error.hint}`
  return error instanceof Error ? error.message : String(error)
}

await main()
