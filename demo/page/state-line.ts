/** State line: what one database says of itself: in one sentence for everybody, in facts for who looks
 *  closer.  The sentence is a live region, so it changes only when its meaning does. */

import type { Status } from '../../src/database/types.ts'
import { element, part, setText, throttled } from './dom.ts'
import { formatAge, formatCount, hexOf, shortHex } from './format.ts'
import type { Peer } from './peer.ts'

const AGE_MS = 1000

type Mood = 'good' | 'wait' | 'bad'

export function mountStateLine(pane: HTMLElement, peer: Peer): () => void {
  const state = part(pane, 'state', HTMLElement)
  const facts = createFacts(part(pane, 'facts', HTMLElement))
  const online = part(pane, 'online', HTMLInputElement)
  online.addEventListener('change', () => peer.setOnline(online.checked))

  const show = (): void => {
    const { status } = peer.db
    const { mood, text } = describe(status, peer.isOnline)
    state.dataset['mood'] = mood
    setText(state, text)
    online.checked = peer.isOnline
    facts('Position', `seq ${formatCount(status.seq)}`)
    facts('State root', shortHex(peer.frames.seal?.root ?? '') || '–', true)
    facts('Key', status.identity === undefined ? '–' : keyOf(status.identity.publicKey), true)
    facts('Storage', storageOf(status))
    facts('Runs in', ownerOf(status))
    facts('As of', ageOf(status.sync.asOf))
    facts('Peers', String(status.sync.peers))
    facts(peer.role === 'writer' ? 'Not at a relay yet' : 'On the way', pendingOf(status))
  }
  peer.onChange(throttled(show))
  const timer = setInterval(show, AGE_MS)
  show()
  return () => clearInterval(timer)
}

/** Sets one fact; made at its first call, so the order of calls is the order on the page. */
function createFacts(list: HTMLElement): (name: string, text: string, isCode?: boolean) => void {
  const shown = new Map<string, HTMLElement>()
  return (name, text, isCode = false) => {
    let value = shown.get(name)
    if (value === undefined) {
      value = element('dd', isCode ? { class: 'is-code' } : {})
      list.append(element('div', {}, element('dt', {}, name), value))
      shown.set(name, value)
    }
    setText(value, text)
  }
}

function describe(status: Status, isOnline: boolean): { mood: Mood; text: string } {
  const { state, sync } = status
  if (state === 'failed') return { mood: 'bad', text: `Not open: ${codeOf(status)}` }
  if (state === 'closed') return { mood: 'wait', text: 'Closed' }
  if (state !== 'open') return { mood: 'wait', text: 'Opening…' }
  if (status.failure !== undefined) return { mood: 'bad', text: `Stopped: ${codeOf(status)}` }
  if (status.owner === 'changing') return { mood: 'wait', text: 'Another window takes over' }
  if (status.owner === 'silent') return { mood: 'wait', text: 'Waiting for another window' }
  if (!isOnline) return { mood: 'wait', text: 'Offline: switched off here' }
  if (sync.state === 'live') return { mood: 'good', text: 'Live: in step with the relay' }
  if (sync.state === 'catching-up') return { mood: 'wait', text: 'Catching up with the relay' }
  if (sync.state === 'connecting') return { mood: 'wait', text: 'Connecting to the relay' }
  return { mood: 'bad', text: `Sync is ${sync.state}` }
}

function codeOf(status: Status): string {
  return status.failure === undefined ? 'unknown' : status.failure.code
}

function keyOf(publicKey: Uint8Array): string {
  return shortHex(hexOf(publicKey))
}

function storageOf({ storage }: Status): string {
  if (storage === undefined) return '–'
  const kind = storage.kind === 'opfs' ? 'OPFS' : storage.kind
  return storage.durable ? `${kind}, durable` : `${kind}, not durable`
}

function ownerOf({ owner }: Status): string {
  if (owner === 'here') return 'this window'
  return owner === 'elsewhere' || owner === 'silent' ? 'another window' : '–'
}

function ageOf(asOf: number | undefined): string {
  return asOf === undefined ? '–' : formatAge(Date.now() - asOf)
}

function pendingOf({ sync }: Status): string {
  return `${formatCount(sync.pending)} ${sync.pending === 1 ? 'frame' : 'frames'}`
}
