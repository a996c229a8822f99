/** Bundles a program of the kill rounds, so that Node 20 and pages can run it as it is.
 *  Keeps: `constellite` stays an import, which means the packed package where the program runs. */

import { fileURLToPath } from 'node:url'
import { build } from 'rolldown'

export async function bundleProgram(
  name: 'node' | 'page',
  platform: 'node' | 'browser',
): Promise<string> {
  const { output } = await build({
    input: fileURLToPath(new URL(`./programs/${name}.ts`, import.meta.url)),
    platform,
    external: ['constellite'],
    logLevel: 'warn',
    write: false,
    output: { format: 'esm', codeSplitting: false },
  })
  return output[0].code
}
