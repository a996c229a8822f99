/** Pane: one peer on the page, made from the template; each of its sections has a file of its own. */

import { part } from './dom.ts'
import { mountFiles } from './files.ts'
import { mountFrameLog } from './frame-log.ts'
import { mountLiveTable } from './live-table.ts'
import type { Peer } from './peer.ts'
import { mountProblemList } from './problem-list.ts'
import { mountSqlBox } from './sql-box.ts'
import { mountStateLine } from './state-line.ts'

export type Pane = {
  /** Imports a file into this pane's database, with progress. */
  take(file: Blob, title: string): Promise<void>
  remove(): void
}

export type PaneOptions = {
  readonly title: string
  readonly about: string
  readonly startOver: (file: Blob, title: string) => void
}

export function addPane(target: HTMLElement, peer: Peer, options: PaneOptions): Pane {
  const { title, about, startOver } = options
  const template = part(document, 'pane', HTMLTemplateElement)
  const copy = document.importNode(template.content, true)
  const pane = copy.querySelector('section')
  if (pane === null) throw new Error('the template of a pane has no section')
  part(pane, 'title', HTMLElement).textContent = title
  part(pane, 'about', HTMLElement).textContent = about
  label(pane, { peer, title })
  mountProblemList(pane, peer.problems)
  const stop = mountStateLine(pane, peer)
  const take = mountFiles(pane, peer, startOver)
  mountSqlBox(pane, peer)
  mountLiveTable(pane, peer)
  mountFrameLog(pane, peer)
  target.append(pane)
  return {
    take,
    remove: () => {
      stop()
      pane.remove()
    },
  }
}

/** Names for screen readers: a page with two panes has two of everything. */
function label(pane: HTMLElement, { peer, title }: { peer: Peer; title: string }): void {
  const heading = part(pane, 'title', HTMLElement)
  heading.id = `${peer.name}-title`
  pane.setAttribute('aria-labelledby', heading.id)
  const sql = part(pane, 'sql', HTMLTextAreaElement)
  sql.id = `${peer.name}-sql`
  part(pane, 'sql-label', HTMLLabelElement).htmlFor = sql.id
  const scrolled = {
    'live-rows': 'live table',
    'frame-rows': 'frames',
    'sql-rows': 'rows of the SQL',
  }
  for (const [name, what] of Object.entries(scrolled)) {
    const region = part(pane, name, HTMLElement)
    region.setAttribute('aria-label', `${title}: ${what}`)
    // Without a mouse it is scrolled with the arrow keys, once it has the focus.
    region.tabIndex = 0
  }
  part(pane, 'problem-log', HTMLElement).tabIndex = 0
}
