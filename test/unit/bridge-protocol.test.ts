/** The number of the protocol belongs to what is said: whoever changes the files that say it must see this fail. */

import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { PROTOCOL } from '../../src/database/bridge/protocol.ts'

const FILES = ['bridge/protocol.ts', 'bridge/rows.ts', 'tabs/lobby.ts']

/** What the files of each protocol came to.  The line of a released one is never edited. */
const SAID: Readonly<Record<number, string>> = {
  6: 'a95a65bc91f64be893715f170b13192aba7dee0ea3593fd61459ee7c0a63df5d',
}

/** Of the code alone: comments and the number itself change nothing that is said. */
function codeOf(file: string): string {
  const path = fileURLToPath(new URL(`../../src/database/${file}`, import.meta.url))
  return readFileSync(path, 'utf8')
    .replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '')
    .replace(/^export const PROTOCOL = .*$/m, '')
    .replace(/\s+/g, ' ')
}

it('the number of the protocol was raised when what is said changed (else raise it, and list it here)', () => {
  const hash = createHash('sha256').update(FILES.map(codeOf).join('\n')).digest('hex')
  expect({ [PROTOCOL]: hash }).toEqual({ [PROTOCOL]: SAID[PROTOCOL] })
})
