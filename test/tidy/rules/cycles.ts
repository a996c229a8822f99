/** No file imports itself by way of others, types included. */

import type { Problem, Rule } from '../source.ts'

export const cycles: Rule = {
  name: 'cycles',
  check({ sources }) {
    const problems: Problem[] = []
    const done = new Set<string>()
    const visit = (path: string, trail: readonly string[]): void => {
      const at = trail.indexOf(path)
      if (at >= 0) {
        const loop = [...trail.slice(at), path].join(' → ')
        problems.push({ path, line: 1, message: `import cycle: ${loop}` })
        return
      }
      if (done.has(path)) return
      for (const { target } of sources.get(path)?.imports ?? []) {
        if (target !== undefined && sources.has(target)) visit(target, [...trail, path])
      }
      done.add(path)
    }
    for (const path of sources.keys()) visit(path, [])
    return problems
  },
}
