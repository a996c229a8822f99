/** Every function of src that turns foreign bytes into a failure through `decoding` is run by a target of
 *  test/fuzz, and no target names a function that is gone. */

import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { TARGETS } from '../fuzz/targets.ts'

const SOURCES = fileURLToPath(new URL('../../src', import.meta.url))

/** `room/file.ts function` for each function at a line's beginning, with its text. */
function functionsOf(path: string): { readonly name: string; readonly text: string }[] {
  const text = readFileSync(path, 'utf8')
  const starts = [...text.matchAll(/^(?:export )?(?:async )?function (\w+)/gm)]
  return starts.map((start, index) => ({
    name: `${relative(SOURCES, path)} ${start[1]}`,
    text: text.slice(start.index, starts[index + 1]?.index),
  }))
}

const functions = readdirSync(SOURCES, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts'))
  .flatMap((name) => functionsOf(join(SOURCES, name)))

const reached = new Set(TARGETS.flatMap(({ reaches }) => reaches))

it('no decoder is forgotten', () => {
  const decoders = functions.filter(
    ({ name, text }) =>
      /\bdecoding(?:<[^>]*>)?\(/.test(text) && name !== 'bytes/reader.ts decoding',
  )
  expect(decoders.length).toBeGreaterThan(15)
  const forgotten = decoders.map(({ name }) => name).filter((name) => !reached.has(name))
  expect(forgotten, 'give each a target in test/fuzz/targets').toEqual([])
})

it('no target names what is gone', () => {
  const names = new Set(functions.map(({ name }) => name))
  expect([...reached].filter((name) => !names.has(name))).toEqual([])
})

it('no two targets have one name', () => {
  const names = TARGETS.map(({ name }) => name)
  expect(new Set(names).size).toBe(names.length)
})
