/** The README's lines for Node, Deno and Bun, typed as they stand: one folder, one database, three runtimes,
 *  one after another. */

import { dirname } from 'node:path'
import { expect, inject, it, onTestFinished } from 'vitest'
import { packedAt } from '../support/packed.ts'
import { findRuntime } from '../support/runtimes.ts'
import { typeLines } from './project.ts'
import { linesFor } from './readme.ts'

it('the visits of Node, Deno and Bun are counted in the same file', async ({ skip }) => {
  const found = (['deno', 'bun'] as const).map(findRuntime)
  const programs: string[] = []
  for (const runtime of found) {
    if (runtime.program === undefined) return skip(runtime.reason)
    programs.push(dirname(runtime.program))
  }
  const { tarball } = packedAt(inject('packedFolder'))
  const lines = linesFor('Node, Deno, Bun')
  expect(lines.match(/^(node|deno|bun)\b/gm)).toEqual(['node', 'deno', 'bun'])
  const project = await typeLines({ tarball, lines, programs })
  onTestFinished(() => project.remove())
  if (project.missing !== undefined) return skip(project.missing)
  const said = project.printed.match(/^visit .+$/gm)
  expect(said).toEqual([1, 2, 3].map((count) => `visit ${count}, kept in node-fs`))
})
