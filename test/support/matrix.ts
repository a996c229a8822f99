/** The README's platform matrix: what the conformance suite proved in this run, as a Markdown table, and the
 *  one that the README has. */

import type { Proof } from './tally.ts'

const PLATFORMS = [
  { project: 'node', title: 'Node' },
  { project: 'deno', title: 'Deno' },
  { project: 'bun', title: 'Bun' },
  { project: 'workerd', title: 'workerd (Durable Object)' },
  { project: 'chromium', title: 'Chromium (OPFS)' },
  { project: 'firefox', title: 'Firefox (OPFS)' },
  { project: 'indexeddb', title: 'Chromium (IndexedDB)' },
  { project: 'webkit', title: 'WebKitGTK (IndexedDB)' },
] as const

const HEAD = `| | ${PLATFORMS.map((it) => it.title).join(' | ')} |`
const LINE = `|---${'|---'.repeat(PLATFORMS.length)}|`

/** The rows' order for readers; what is not named comes after, by the alphabet.  Vitest's own order changes
 *  from run to run. */
const ORDER = [
  ...['open', 'SQL', 'commit', 'rollback', 'import and export', 'apply', 'catch-up', 'restart'],
  ...['changing hands', 'ownership', 'tabs', 'bridge failures'],
]

export function formatMatrix(proofs: readonly Proof[]): string {
  const groups = [...new Set(proofs.map((it) => it.group))].sort(byReaders)
  const rows = groups.map((group) => {
    const cells = PLATFORMS.map(({ project }) => {
      // Vitest adds the browser to a project's name: "chromium (chromium)".
      const ran = proofs.filter((it) => it.group === group && it.project.split(' ')[0] === project)
      if (ran.length === 0) return '–'
      return ran.every((it) => it.ok) ? 'yes' : 'no'
    })
    return `| ${group} | ${cells.join(' | ')} |`
  })
  return [HEAD, LINE, ...rows].join('\n')
}

function byReaders(left: string, right: string): number {
  const [one, other] = [left, right].map((it) => (ORDER.indexOf(it) + 1 || ORDER.length + 1) - 1)
  return (one ?? 0) - (other ?? 0) || left.localeCompare(right)
}

/** The table below that head in `markdown`. */
export function matrixIn(markdown: string): string | undefined {
  const start = markdown.indexOf(HEAD)
  if (start < 0) return undefined
  return markdown.slice(start).split('\n\n')[0]?.trimEnd()
}
