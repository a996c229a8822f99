/** take-over: makes the copy that `replicate` keeps the writer of its database, in one step that other copies
 *  verify.  For the hour when the writer's machine is gone.
 *  Keeps: the seed is read from a file, never from the command line, where others see it; its bytes are wiped
 *  as soon as it is used (not the file's text, which JavaScript keeps as strings until it collects them);
 *  the hand-over is at a relay before the command ends.
 *  Never: goes on writing; a program that opens the copy does. */

import { readFileSync } from 'node:fs'
import { ConstelliteError, orThrow } from '../base/failure.ts'
import { parseBase64url } from '../bytes/text.ts'
import { wipe } from '../crypto/secret.ts'
import { SEED_BYTES } from '../crypto/signer-kernel.ts'
import { follow } from '../database/options.ts'
import { parseAddress } from '../frame/address.ts'
import { open } from '../platform/node.ts'
import { websocket } from '../transport/websocket.ts'
import { type Command, EXIT_OK, parseNumber, parseOptions, usageFailure } from './command.ts'

const OPTIONS = {
  out: { type: 'string' },
  key: { type: 'string' },
  lossy: { type: 'boolean' },
  via: { type: 'string', multiple: true },
  wait: { type: 'string' },
} as const

export const takeOver: Command = {
  name: 'take-over',
  summary: 'Make the copy of a database here its writer.',
  help: `Usage: constellite take-over <address> --out <file.db> --key <identity.json> [options]

Makes the copy in <file.db>.constellite, which \`constellite replicate\` or a program keeps, the writer of its
database.  The writer before it stops with ErrSuperseded when it hears of it.  Then open the copy in your
program to write:

  constellite take-over 'constellite:…?via=…' --out notes.db --key owner.json
  open('notes.db', { sync: publish({ via: [websocket('wss://…')] }) })

The key is the identity with which the database was made, as \`constellite keygen --out owner.json\` wrote it.

Options
  --out <file.db>        The copy, by the name that replicate was given.
  --key <identity.json>  The file with the owner's or the recovery key.
  --lossy                Go on from what is here even if no relay can be asked or has more.
  --via <url>            Ask this relay instead of those in the address.  May be repeated.
  --wait <seconds>       Give up after so long without a receipt of a relay.  Default: 60
  --help                 This text.
`,
  async run(args, terminal) {
    const { values, positionals } = parseOptions(args, OPTIONS)
    const [address, ...others] = positionals
    if (address === undefined || others.length > 0) throw usageFailure('Give one address.')
    const { out, key, lossy = false } = values
    if (out === undefined) throw usageFailure('Say with --out which copy takes over.')
    if (key === undefined) throw usageFailure('Say with --key which file has the key.')
    orThrow(parseAddress(address))
    const wait = { option: 'wait', otherwise: 60, min: 1, max: 86_400 } as const
    const timeoutMs = parseNumber(values.wait, wait) * 1000
    const via = (values.via ?? []).map(websocket)
    const seed = readSeed(key)
    const db = open(out, { sync: follow(address, { via }) })
    try {
      const { seq, cutOff } = await db.takeOver({ key: seed, lossy }).finally(() => wipe(seed))
      terminal.out(`seq      ${seq}`)
      terminal.out(`cut off  ${cutOff} frames`)
      await db.until('shared', { timeoutMs, signal: terminal.interrupted })
      terminal.out('shared   a relay has the hand-over')
      return EXIT_OK
    } finally {
      await db.close()
    }
  },
}

/** The file that `keygen --out` writes. */
function readSeed(path: string): Uint8Array {
  try {
    // Whatever it is, what is not a seed is refused below.
    const { seed } = JSON.parse(readFileSync(path, 'utf8')) as { readonly seed?: unknown }
    const bytes = orThrow(parseBase64url(String(seed)))
    if (bytes.byteLength === SEED_BYTES) return bytes
    wipe(bytes)
    throw new Error(`it has ${bytes.byteLength} bytes`)
  } catch (cause) {
    throw new ConstelliteError({
      code: 'ErrIdentity',
      message: `${path} has no seed.`,
      hint: 'Give the file that `constellite keygen --out` wrote.',
      cause,
    })
  }
}
