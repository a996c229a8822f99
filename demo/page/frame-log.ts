/** Frame log: the frames of one copy as they arrive, newest first. */

import { element, markNew, part, setText, throttled } from './dom.ts'
import { formatCount, formatSize, shortHex } from './format.ts'
import type { FrameEntry } from './frame-list.ts'
import type { Peer } from './peer.ts'

const COLUMNS = ['Seq', 'Frame', 'Verified', 'Size', 'Author', 'Checksum', 'Seal'] as const
const SHOWN_MAX = 50

export function mountFrameLog(pane: HTMLElement, peer: Peer): void {
  const target = part(pane, 'frame-rows', HTMLElement)
  const count = part(pane, 'frame-count', HTMLElement)
  const head = element('tr', {}, ...COLUMNS.map((it) => element('th', { scope: 'col' }, it)))
  const body = element('tbody')
  const table = element('table', {}, element('thead', {}, head), body)
  const lines = new Map<FrameEntry, HTMLTableRowElement>()
  let shown: readonly FrameEntry[] = []

  const show = (): void => {
    const { entries, count: total } = peer.frames
    if (entries === shown) return
    shown = entries
    const newest = entries.slice(-SHOWN_MAX).reverse()
    const before = new Map(lines)
    lines.clear()
    for (const entry of newest) lines.set(entry, before.get(entry) ?? lineOf(entry))
    body.replaceChildren(...lines.values())
    if (!table.isConnected && newest.length > 0) target.replaceChildren(table)
    const more = total > newest.length ? `, the newest ${newest.length} shown` : ''
    setText(count, `${formatCount(total)} seen${more}`)
  }
  peer.onChange(throttled(show))
  show()
}

function lineOf(entry: FrameEntry): HTMLTableRowElement {
  const line = element('tr', {}, ...cellsOf(entry))
  return entry.origin === 'log' ? line : markNew(line)
}

function cellsOf(entry: FrameEntry): HTMLTableCellElement[] {
  const { seq, sizeBytes, author, checksum, seal } = entry
  const sealText = seal === undefined ? '…' : `at seq ${seal.seq}`
  return [
    cell(formatCount(seq), 'is-number'),
    cell(wordOf(entry)),
    verdictOf(entry),
    cell(sizeBytes === undefined ? '–' : formatSize(sizeBytes), 'is-number'),
    cell(shortHex(author ?? seal?.author ?? '') || '–', 'is-code', author),
    cell(shortHex(checksum), 'is-code', checksum),
    cell(sealText, seal === undefined ? 'is-waiting' : '', seal && `state root ${seal.root}`),
  ]
}

function wordOf({ kind, seq }: FrameEntry): string {
  return kind === 'control' && seq === 1n ? 'genesis' : kind
}

function verdictOf({ seal, isVerified, isChained }: FrameEntry): HTMLTableCellElement {
  if (isVerified) return cell('✓ verified', 'is-verified')
  if (seal === undefined && isChained) return cell('waits for seal', 'is-waiting')
  return cell('✗ NOT verified', 'is-bad')
}

function cell(text: string, kind = '', title = ''): HTMLTableCellElement {
  const made = element('td', kind === '' ? {} : { class: kind }, text)
  if (title !== '') made.title = title
  return made
}
