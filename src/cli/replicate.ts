/** replicate: follows an address until this copy is in step, verifies it and writes a plain SQLite file;
 *  with --follow it goes on, and writes the file again after changes.
 *  Keeps: the copy itself stays beside the file, so that the next run resumes; the file appears whole or
 *  not at all; what does not verify is not written. */

import { existsSync } from 'node:fs'
import { ConstelliteError, orThrow } from '../base/failure.ts'
import { follow } from '../database/options.ts'
import type { Database, VerifyReport } from '../database/types.ts'
import { parseAddress } from '../frame/address.ts'
import { createNodeHost } from '../platform/host-node.ts'
import { open } from '../platform/node.ts'
import { nodeDirectoryOf } from '../storage/node-fs.ts'
import { websocket } from '../transport/websocket.ts'
import { type Arrivals, isInStep, writeAfterEach } from './arrivals.ts'
import {
  type Command,
  EXIT_FAILURE,
  EXIT_OK,
  parseNumber,
  parseOptions,
  type Terminal,
  usageFailure,
} from './command.ts'

const OPTIONS = {
  out: { type: 'string' },
  follow: { type: 'boolean' },
  via: { type: 'string', multiple: true },
  wait: { type: 'string' },
} as const

export const replicate: Command = {
  name: 'replicate',
  summary: 'Fetch a published database, verify it, and write it as a plain SQLite file.',
  help: `Usage: constellite replicate <address> --out <file.db> [options]

Follows a published database until this copy is in step with the relay, checks every signature and the
state root, and writes a plain SQLite file that any SQLite program opens.

  constellite replicate 'constellite:…?via=…' --out notes.db
  constellite replicate 'constellite:…?via=…' --out notes.db --follow     and again after every change

The address is what \`ready\` of the publishing database says. Quote it: it has ? and & in it.
A verified copy stays in <file.db>.constellite beside the file, and the next run resumes there.

Options
  --out <file.db>   The file to write. One that this command wrote before is replaced.
  --follow          Go on until Ctrl+C, writing the file again after changes.
  --via <url>       Ask this relay instead of those in the address. May be repeated.
  --wait <seconds>  Give up after so long without progress. Default: 60
  --help            This text.
`,
  async run(args, terminal) {
    const { values, positionals } = parseOptions(args, OPTIONS)
    const [address, ...others] = positionals
    if (address === undefined) throw usageFailure('Give the address to replicate.')
    if (others.length > 0) throw usageFailure(`One address at a time: "${others[0]}" is too many.`)
    const { out } = values
    if (out === undefined) throw usageFailure('Say with --out which file to write.')
    orThrow(parseAddress(address))
    assertOwnOutput(out)
    const wait = { option: 'wait', otherwise: 60, min: 1, max: 86_400 } as const
    const waitMs = parseNumber(values.wait, wait) * 1000
    const via = (values.via ?? []).map(websocket)
    const db = open(out, { sync: follow(address, { via }) })
    const arrivals: Arrivals = { db, host: createNodeHost(), terminal }
    try {
      await db.ready
      if (!(await isInStep(arrivals, waitMs))) return EXIT_FAILURE
      const writeFile = (): Promise<void> => write({ db, out, terminal })
      if (values.follow === true) await writeAfterEach(arrivals, writeFile)
      else await writeFile()
      return EXIT_OK
    } finally {
      await db.close()
    }
  },
}

type Job = { readonly db: Database; readonly out: string; readonly terminal: Terminal }

async function write({ db, out, terminal }: Job): Promise<void> {
  const report = await db.verify()
  if (!report.ok) throw unverified(report)
  const { sizeBytes } = await db.export({ path: out })
  terminal.out(`file      ${out} (${sizeBytes} bytes)`)
  terminal.out(`seq       ${report.sealedSeq}`)
  terminal.out(`root      ${report.root}`)
  terminal.out('verified  every signature and the state root')
}

/** A file that is there already, and that no earlier run made, is somebody's. */
function assertOwnOutput(out: string): void {
  if (!existsSync(out) || existsSync(nodeDirectoryOf(out))) return
  throw usageFailure(`${out} is there already and would be replaced.`, 'Name a new file.')
}

function unverified(report: VerifyReport): ConstelliteError {
  const what =
    report.pages === 'differ' ? 'the state root differs' : `frame ${report.frames.broken} is broken`
  return new ConstelliteError({
    code: 'ErrDiverged',
    message: `The copy does not verify: ${what}.  No file was written.`,
    hint: 'Remove the copy beside the file and run this again; if it stays so, ask another relay.',
  })
}
