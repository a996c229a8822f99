/** Version: that of the package in which this program stands, as its package.json says it. */

import { readFileSync } from 'node:fs'

/** From both src/cli and dist/cli; read only when it is asked for. */
const MANIFEST = '../../package.json'

export function readVersion(): string {
  const text = readFileSync(new URL(MANIFEST, import.meta.url), 'utf8')
  // Our own manifest, which npm does not publish without a version.
  const { version } = JSON.parse(text) as { version: string }
  return version
}
