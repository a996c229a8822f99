/** The lines in the utilities' README run and print what they promise. */

import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { afterEach, expect, test, vi } from 'vitest'

const ROOT = new URL('../../', import.meta.url)
const FILE = fileURLToPath(new URL(`.cache/flow-readme-${process.pid}.ts`, ROOT))

afterEach(() => {
  vi.restoreAllMocks()
  rmSync(FILE, { force: true })
})

test('the example of src/flow/README.md prints its last line', async () => {
  const text = readFileSync(new URL('src/flow/README.md', ROOT), 'utf8')
  const code = /```ts\n([\s\S]*?)```/.exec(text)?.[1] ?? ''
  const promised = /\/\/ (.*)\n$/.exec(code)?.[1]
  const entry = fileURLToPath(new URL('src/entry/utilities.ts', ROOT))
  mkdirSync(fileURLToPath(new URL('.cache', ROOT)), { recursive: true })
  writeFileSync(FILE, code.replace("'constellite/utilities'", JSON.stringify(entry)))
  const printed = vi.spyOn(console, 'log').mockImplementation(() => {})
  await import(/* @vite-ignore */ pathToFileURL(FILE).href)
  expect(printed.mock.calls.map((it) => it.join(' '))).toEqual([promised])
})
