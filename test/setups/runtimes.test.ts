/** The README's lines for Node, Deno and Bun, typed as they stand: one folder, one database, three runtimes,
 *  one after another; and those for Workers, with the server of wrangler. */

import { dirname } from 'node:path'
import { expect, inject, it, onTestFinished } from 'vitest'
import { packedAt } from '../support/packed.ts'
import { findRuntime } from '../support/runtimes.ts'
import { findWorkerd } from '../workerd/serve.ts'
import { typeLines } from './project.ts'
import { linesFor, splitServer } from './readme.ts'

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

it('the visits of an object of Workers are counted, also by the next server', async ({ skip }) => {
  if (findWorkerd() === undefined) return skip('the package workerd has no binary for this machine')
  const { tarball } = packedAt(inject('packedFolder'))
  const { before, server } = splitServer(linesFor('Workers'))
  const [command = '', address = ''] = server.split(' # then: curl ')
  expect(command).toBe('npx wrangler dev')
  expect(address).toBe('http://localhost:8787')
  const project = await typeLines({ tarball, lines: before })
  onTestFinished(() => project.remove())
  if (project.missing !== undefined) return skip(project.missing)
  const said: string[] = []
  for (let life = 1; life <= 2; life++) {
    const running = await project.serve(`${command} --port $PORT`)
    for (let visit = 1; visit <= 2; visit++) said.push(await (await fetch(running.url)).text())
    await running.stop()
  }
  expect(said).toEqual([1, 2, 3, 4].map((count) => `visit ${count}, kept in durable-object`))
})
