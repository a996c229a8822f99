/** Files: import by drop, by choice or of the sample, with progress; export as a plain SQLite file.
 *  A database that has something already takes no file: then the way on is offered, not taken. */

import { isFailure } from '../../src/base/failure.ts'
import type { ImportReport, VerifyReport } from '../../src/database/types.ts'
import { part, setText } from './dom.ts'
import { formatCount, formatSize, shortHex } from './format.ts'
import type { Peer } from './peer.ts'

const SAMPLE = new URL('../sample.db', import.meta.url)
const PERCENT = 100
const REVOKE_MS = 60_000

/** `startOver` begins a new, empty writer and answers its import. */
export function mountFiles(
  pane: HTMLElement,
  peer: Peer,
  startOver: (file: Blob, title: string) => void,
): (file: Blob, title: string) => Promise<void> {
  const parts = partsOf(pane)
  const take = (file: Blob, title: string): Promise<void> =>
    importFile({ pane, peer, parts, startOver }, file, title)
  parts.export.addEventListener('click', () => exportFile(peer, parts))
  parts.verify.addEventListener('click', () => verifyCopy(peer, parts))
  if (peer.role === 'writer') {
    parts.sample.addEventListener('click', async () => {
      try {
        const response = await fetch(SAMPLE)
        if (!response.ok) throw new Error(`the sample did not load: ${response.status}`)
        await take(await response.blob(), 'the sample')
      } catch (error) {
        tellFailure(peer, parts, 'Loading the sample', error)
      }
    })
    parts.file.addEventListener('change', () => {
      const [file] = parts.file.files ?? []
      if (file !== undefined) take(file, file.name)
      // The same file can be chosen again.
      parts.file.value = ''
    })
    acceptDrops(pane, take)
  } else {
    for (const hidden of [parts.sample, parts.label, parts.dropHint]) hidden.hidden = true
  }
  return take
}

type Parts = ReturnType<typeof partsOf>

function partsOf(pane: HTMLElement) {
  const file = part(pane, 'file', HTMLInputElement)
  const label = file.closest('label')
  if (label === null) throw new Error('the file field has no label')
  return {
    file,
    label,
    sample: part(pane, 'sample', HTMLButtonElement),
    export: part(pane, 'export', HTMLButtonElement),
    verify: part(pane, 'verify', HTMLButtonElement),
    dropHint: part(pane, 'drop-hint', HTMLElement),
    box: part(pane, 'progress-box', HTMLElement),
    progress: part(pane, 'progress', HTMLProgressElement),
    progressText: part(pane, 'progress-text', HTMLElement),
    outcome: part(pane, 'file-outcome', HTMLElement),
    replace: part(pane, 'replace', HTMLButtonElement),
  }
}

type Importing = {
  readonly pane: HTMLElement
  readonly peer: Peer
  readonly parts: Parts
  readonly startOver: (file: Blob, title: string) => void
}

async function importFile(importing: Importing, file: Blob, title: string): Promise<void> {
  const { peer, parts, startOver } = importing
  setBusy(parts, true)
  parts.replace.hidden = true
  setText(parts.outcome, '')
  const showProgress = (fraction: number): void => {
    parts.progress.value = fraction
    setText(parts.progressText, `Importing ${title}: ${Math.floor(fraction * PERCENT)} %`)
  }
  showProgress(0)
  try {
    const report = await peer.db.import(file, { onProgress: showProgress })
    setText(parts.outcome, describe(report, title))
  } catch (error) {
    tellFailure(peer, parts, 'Import', error)
    if (isFailure(error, 'ErrNotEmpty')) {
      parts.replace.hidden = false
      parts.replace.onclick = () => startOver(file, title)
    }
  } finally {
    setBusy(parts, false)
  }
}

async function exportFile(peer: Peer, parts: Parts): Promise<void> {
  parts.export.disabled = true
  try {
    const file = await peer.db.export()
    const link = document.createElement('a')
    link.href = URL.createObjectURL(file)
    link.download = `${peer.name}.db`
    link.click()
    // The browser reads it while it saves.
    setTimeout(() => URL.revokeObjectURL(link.href), REVOKE_MS)
    setText(
      parts.outcome,
      `Exported ${link.download}: ${formatSize(file.size)}, a plain SQLite file.`,
    )
  } catch (error) {
    tellFailure(peer, parts, 'Export', error)
  } finally {
    parts.export.disabled = false
  }
}

async function verifyCopy(peer: Peer, parts: Parts): Promise<void> {
  parts.verify.disabled = true
  try {
    setText(parts.outcome, describeVerified(await peer.db.verify()))
  } catch (error) {
    tellFailure(peer, parts, 'Verify', error)
  } finally {
    parts.verify.disabled = false
  }
}

function acceptDrops(pane: HTMLElement, take: (file: Blob, title: string) => Promise<void>): void {
  pane.addEventListener('dragover', (event) => {
    event.preventDefault()
    pane.classList.add('is-dropping')
  })
  pane.addEventListener('dragleave', () => pane.classList.remove('is-dropping'))
  pane.addEventListener('drop', (event) => {
    event.preventDefault()
    pane.classList.remove('is-dropping')
    const [file] = event.dataTransfer?.files ?? []
    if (file !== undefined) take(file, file.name)
  })
}

function setBusy(parts: Parts, isBusy: boolean): void {
  parts.box.hidden = !isBusy
  parts.sample.disabled = isBusy
  parts.file.disabled = isBusy
}

function tellFailure(peer: Peer, parts: Parts, during: string, error: unknown): void {
  const { code } = peer.problems.add(during, error)
  setText(parts.outcome, `${during} failed: ${code}, see the problems above.`)
}

function describe(report: ImportReport, title: string): string {
  const { sizeBytes, pageCount, pageSize, seq, warnings } = report
  const size = `${formatSize(sizeBytes)}, ${formatCount(pageCount)} pages of ${pageSize}`
  return [`Imported ${title}: ${size}, at seq ${seq}.`, ...warnings].join(' ')
}

function describeVerified({ ok, root, frames, sealedSeq, pages }: VerifyReport): string {
  if (!ok) return `NOT verified: pages ${pages}, first broken frame ${frames.broken ?? 'none'}.`
  const chain =
    frames.last === undefined
      ? 'no frame to recheck'
      : `frames ${frames.first} to ${frames.last} chained`
  return `Verified: ${chain}, state root ${shortHex(root)} recomputed over all pages, signed at seq ${sealedSeq}.`
}
