/** Every relative link of every Markdown file leads to a file that exists, and every anchor to one of
 *  its headings.  A link to a file of tests says how one of them begins, or a path in code. */

import { type Problem, type Rule, resolvePath } from '../source.ts'

export const links: Rule = {
  name: 'links',
  check({ texts }) {
    const problems: Problem[] = []
    for (const [path, text] of texts) {
      if (!path.endsWith('.md')) continue
      const lines = withoutCode(text).split('\n')
      for (const [index, line] of lines.entries()) {
        for (const match of line.matchAll(/(?:\[([^\][]*))?\]\(([^)\s]+)\)/g)) {
          const [, label = '', link = ''] = match
          const message = judge(path, link, texts) ?? judgeTest(path, { label, link }, texts)
          if (message !== undefined) problems.push({ path, line: index + 1, message })
        }
      }
    }
    return problems
  },
}

function judge(path: string, link: string, texts: ReadonlyMap<string, string>): string | undefined {
  if (/^[a-z]+:/.test(link)) return undefined
  const [file = '', anchor] = link.split('#')
  const target = file === '' ? path : resolvePath(path, file)
  const isFolder = [...texts.keys()].some((it) => it.startsWith(`${target}/`))
  const text = texts.get(target)
  if (text === undefined && !isFolder) return `link to ${link}: there is no ${target}`
  if (anchor === undefined || text === undefined) return undefined
  const anchors = [...withoutCode(text).matchAll(/^#+ (.+)$/gm)].map((it) => anchorOf(it[1] ?? ''))
  return anchors.includes(anchor) ? undefined : `link to ${link}: ${target} has no such heading`
}

function judgeTest(
  path: string,
  { label, link }: { readonly label: string; readonly link: string },
  texts: ReadonlyMap<string, string>,
): string | undefined {
  if (!link.endsWith('.test.ts') || label.startsWith('`')) return undefined
  const target = resolvePath(path, link)
  const text = texts.get(target) ?? ''
  const isNamed = ["'", '"', '`'].some((quote) => text.includes(`${quote}${label}`))
  return isNamed ? undefined : `link to ${link}: no test there begins with "${label}"`
}

/** Keeps the line count, so that problems name the right line. */
function withoutCode(text: string): string {
  return text.replace(/^```[\s\S]*?^```/gm, (block) => block.replace(/[^\n]/g, ''))
}

/** GitHub's way of making an anchor of a heading. */
function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .trim()
    .replace(/\s/g, '-')
}
