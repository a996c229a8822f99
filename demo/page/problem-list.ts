/** Problem list: shows every problem of a pane, newest first; none of them goes away by itself. */

import { element, part, setText } from './dom.ts'
import type { Problem, Problems } from './problems.ts'

export function mountProblemList(pane: HTMLElement, problems: Problems): void {
  const box = part(pane, 'problems', HTMLDetailsElement)
  const list = part(pane, 'problem-list', HTMLOListElement)
  const count = part(pane, 'problem-count', HTMLElement)
  const lines = new Map<Problem, HTMLLIElement>()
  const show = (): void => {
    box.hidden = problems.list.length === 0
    setText(count, String(problems.list.length))
    for (const problem of problems.list) {
      const line = lines.get(problem) ?? element('li')
      fill(line, problem)
      if (!lines.has(problem)) list.prepend(line)
      lines.set(problem, line)
    }
  }
  problems.onChange(show)
  show()
}

function fill(line: HTMLLIElement, problem: Problem): void {
  const { during, code, message, hint, count, at } = problem
  const times = count === 1 ? '' : `, ${count} times`
  const what = `${at.toLocaleTimeString()} · ${during}${times} · ${code}`
  line.replaceChildren(element('p', { class: 'what' }, what), element('p', {}, message))
  if (hint !== '') line.append(element('p', { class: 'hint' }, hint))
}
