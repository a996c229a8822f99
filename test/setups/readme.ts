/** The README's section "Set up": the lines to type for each tool, the table over them and the policies.
 *  Keeps: whoever asks for what the README has not gets an error, so that no test runs nothing. */

import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const README = readFileSync(fileURLToPath(new URL('../../README.md', import.meta.url)), 'utf8')
const SECTION = /\n## Set up\n([\s\S]*?)\n## /.exec(README)?.[1] ?? ''

/** What stands before the tools' lines, in the order of the README. */
const [EVERYWHERE, PAGE] = [...SECTION.matchAll(/^```sh\n([\s\S]*?)^```/gm)].map((it) => it[1])
const TOOLS = new Map(
  [...SECTION.matchAll(/<summary>(.+?)<\/summary>\n\n```sh\n([\s\S]*?)^```/gm)].map(
    ([, title = '', lines = '']) => [title, lines],
  ),
)

/** `page` asks also for the page that is a file of the user's own. */
export function linesFor(
  title: string,
  { page = false }: { readonly page?: boolean } = {},
): string {
  const lines = TOOLS.get(title)
  if (lines === undefined || EVERYWHERE === undefined || PAGE === undefined) {
    throw new Error(`the README does not say how to set up ${title}`)
  }
  return EVERYWHERE + (page ? PAGE : '') + lines
}

/** The lines without the last one, which starts a server. */
export function splitServer(lines: string): { readonly before: string; readonly server: string } {
  const end = lines.trimEnd().lastIndexOf('\n') + 1
  return { before: lines.slice(0, end), server: lines.slice(end).trimEnd() }
}

/** The command after the words `while you write:`, which a comment of the lines names. */
export function developmentCommand(lines: string): string {
  const command = /# .*while you write: (.+)$/m.exec(lines)?.[1]
  if (command === undefined) throw new Error(`no command for development in:\n${lines}`)
  return command
}

/** The file that Next needs for a database on the server where webpack builds it. */
export function externalSetting(): string {
  const setting = /`(export default \{ serverExternalPackages: [^`]+)`/.exec(SECTION)?.[1]
  if (setting === undefined) throw new Error('the README does not name serverExternalPackages')
  return setting
}

export type Row = { readonly title: string; readonly tried: string }

export function tableRows(): readonly Row[] {
  const cells = [...SECTION.matchAll(/^\| ([^|]+?) \| ([^|]+?) \| [^|]+? \|$/gm)]
  return cells.slice(1).map(([, title = '', tried = '']) => ({ title, tried }))
}

export function toolTitles(): readonly string[] {
  return [...TOOLS.keys()]
}

/** The header for files of the page's own origin, and for those of another one. */
export function policies(): { readonly own: string; readonly other: string } {
  const found = [...SECTION.matchAll(/^content-security-policy: (.+)$/gm)].map((it) => it[1])
  const [own, other] = found
  if (own === undefined || other === undefined) throw new Error('the README names no two policies')
  return { own, other }
}
