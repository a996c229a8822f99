/** Corpus: inputs worth running again, one file each under corpus/<target>/.
 *  A `b-…` file behaved in a way of its own when it was found; an `x-…` file broke something. */

import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Found } from './protocol.ts'

const FOLDER = fileURLToPath(new URL('./corpus', import.meta.url))
/** Larger ones are found again by every run; they are not worth their place in the repository. */
const KEPT_BYTES_MAX = 2048
const TARGET_BYTES_MAX = 6000

export function readCorpus(target: string): readonly Uint8Array[] {
  const folder = folderOf(target)
  if (!existsSync(folder)) return []
  return readdirSync(folder)
    .sort()
    .map((name) => new Uint8Array(readFileSync(join(folder, name))))
}

/** Answers the path. */
export function keepBreach(target: string, { input }: Found): string {
  return write(target, 'x', input)
}

/** The smallest first, up to a size in all. */
export function keepFound(target: string, found: readonly Found[]): void {
  const folder = folderOf(target)
  let size = 0
  if (existsSync(folder)) {
    for (const name of readdirSync(folder)) size += statSync(join(folder, name)).size
  }
  const smallest = [...found].sort((one, other) => one.input.length - other.input.length)
  for (const { input } of smallest) {
    if (input.byteLength > KEPT_BYTES_MAX || size + input.byteLength > TARGET_BYTES_MAX) return
    write(target, 'b', input)
    size += input.byteLength
  }
}

function write(target: string, kind: 'b' | 'x', input: Uint8Array): string {
  const folder = folderOf(target)
  mkdirSync(folder, { recursive: true })
  const digest = createHash('sha256').update(input).digest('hex').slice(0, 12)
  const path = join(folder, `${kind}-${digest}`)
  writeFileSync(path, input)
  return path
}

function folderOf(target: string): string {
  return join(FOLDER, target.replace(/ /g, '-'))
}
