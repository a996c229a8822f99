/** The conformance suite's place on Deno.  Starts processes by Deno's own means: Node's would need the
 *  permission to read the whole environment. */

import type { Place } from './place.ts'
import { createProcessPlace } from './place-process.ts'

/** The part of Deno that is used here; its types are not installed. */
declare const Deno: {
  readonly Command: new (
    program: string,
    options: {
      readonly args: readonly string[]
      readonly cwd: string
      readonly clearEnv: true
      readonly stderr: 'inherit'
    },
  ) => { output(): Promise<{ readonly stdout: Uint8Array }> }
}

export const place: Place = createProcessPlace(async ([program = '', ...args], cwd) => {
  const command = new Deno.Command(program, { args, cwd, clearEnv: true, stderr: 'inherit' })
  return new TextDecoder().decode((await command.output()).stdout)
})
