/** keygen: makes an identity, the owner or recovery key of databases, and gives it to its holder.
 *  Keeps: a file that it writes is readable by its owner alone and is never one that was there before. */

import { closeSync, fsyncSync, openSync, writeSync } from 'node:fs'
import { ConstelliteError } from '../base/failure.ts'
import { formatBase64url } from '../bytes/text.ts'
import { createIdentity } from '../identity/create-identity.ts'
import { type Command, EXIT_OK, parseOptions, usageFailure } from './command.ts'

export const keygen: Command = {
  name: 'keygen',
  summary: 'Make an identity: a secret seed and its public key.',
  help: `Usage: constellite keygen [--out <file>]

Makes an identity: the key that owns databases, and with which a lost copy can be taken over.
Whoever has the seed owns the databases made with it: keep it as you keep a password.

  open('notes', { identity: seed })            the owner key of a new database
  open('notes', { recovery: publicKey })       a key that may take it over, kept elsewhere

Without --out it is printed, both parts as base64url:

  seed        (43 characters, secret)
  public key  (43 characters)

Options
  --out <file>  Write it to a new file instead, as JSON, readable by you alone (mode 0600).
                Only the public key is printed.
  --help        This text.
`,
  async run(args, terminal) {
    const { values, positionals } = parseOptions(args, { out: { type: 'string' } })
    if (positionals.length > 0) throw usageFailure(`keygen takes no "${positionals[0]}".`)
    const identity = await createIdentity()
    const seed = formatBase64url(identity.seed)
    const publicKey = formatBase64url(identity.publicKey)
    if (values.out === undefined) {
      terminal.out(`seed        ${seed}`)
      terminal.out(`public key  ${publicKey}`)
      terminal.note('Keep the seed secret: whoever has it owns the databases made with it.')
    } else {
      writeSecret(values.out, `${JSON.stringify({ seed, publicKey }, undefined, 2)}\n`)
      terminal.out(`public key  ${publicKey}`)
      terminal.note(`The seed is in ${values.out}, readable by you alone.`)
    }
    identity.seed.fill(0)
    return EXIT_OK
  },
}

/** The file is new: a key that was there is never overwritten. */
function writeSecret(path: string, text: string): void {
  let file: number
  try {
    file = openSync(path, 'wx', 0o600)
  } catch (error) {
    throw new ConstelliteError({
      code: 'ErrStorage',
      message: `${path} was not written: ${error instanceof Error ? error.message : String(error)}.`,
      hint: 'Name a file that does not exist yet, in a folder that does.',
      cause: error,
    })
  }
  try {
    writeSync(file, text)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}
