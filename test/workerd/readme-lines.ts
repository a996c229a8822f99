/** The program of the README's section "In a Durable Object". */

import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const README = fileURLToPath(new URL('../../README.md', import.meta.url))

export function objectLines(): string {
  const lines = /## In a Durable Object\s+```js\n([\s\S]*?)```/.exec(readFileSync(README, 'utf8'))
  if (lines?.[1] === undefined) throw new Error('the README has no Durable Object')
  return lines[1]
}
