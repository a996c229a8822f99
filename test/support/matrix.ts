/** The README's platform matrix: what the conformance suite proved in this run, as a Markdown table, and the
 *  one that the README has. */

import type { Proof } from './tally.ts'

const PLATFORMS = [
  { project: 'node', title: 'Node' },
  { project: 'chromium', title: 'Chromium (OPFS)' },
] as const

const HEAD = `| | ${PLATFORMS.map((it) => it.title).join(' | ')} |`

export function formatMatrix(proofs: readonly Proof[]): string {
  const groups = [...new Set(proofs.map((it) => it.group))]
  const rows = groups.map((group) => {
    const cells = PLATFORMS.map(({ project }) => {
      // Vitest adds the browser to a project's name: "chromium (chromium)".
      const ran = proofs.filter((it) => it.group === group && it.project.split(' ')[0] === project)
      if (ran.length === 0) return '–'
      return ran.every((it) => it.ok) ? 'yes' : 'no'
    })
    return `| ${group} | ${cells.join(' | ')} |`
  })
  return [HEAD, '|---|---|---|', ...rows].join('\n')
}

/** The table below that head in `markdown`. */
export function matrixIn(markdown: string): string | undefined {
  const start = markdown.indexOf(HEAD)
  if (start < 0) return undefined
  return markdown.slice(start).split('\n\n')[0]?.trimEnd()
}
