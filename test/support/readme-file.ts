/** The README's code, by the file name in its first line. */

import { readFileSync } from 'node:fs'

/** The block that begins with `// name` or `<!-- name -->`. */
export function readmeFile(name: string): string {
  const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8')
  const blocks = [...readme.matchAll(/^```\w+\n(?:\/\/|<!--) (\S+)(?: -->)?\n([\s\S]*?)^```$/gm)]
  const code = blocks.find((block) => block[1] === name)?.[2]
  if (code === undefined) throw new Error(`README.md has no block "${name}".`)
  return code
}
