/** replicate: follows an address until this copy is in step, verifies it and writes a plain SQLite file;
 *  with --follow it goes on, and writes the file again after changes.
 *  Keeps: the copy itself stays beside the file, so that the next run resumes; the file appears whole or
 *  not at all; what does not verify is not written. */

import { existsSync } from 'node:fs'
import { ConstelliteError, orThrow } from '../base/failure.ts'
import type { Host } from '../base/host.ts'
import { follow } from '../database/options.ts'
import type { Database, Status, VerifyReport } from '../database/types.ts'
import { parseAddress } from '../frame/address.ts'
import { createNodeHost } from '../platform/host-node.ts'
import { open } from '../platform/node.ts'
import { nodeDirectoryOf } from '../storage/node-fs.ts'
import { websocket } from '../transport/websocket.ts'
import {
  type Command,
  EXIT_FAILURE,
  EXIT_OK,
  parseNumber,
  parseOptions,
  type Terminal,
  usageFailure,
} from './command.ts'

/** With --follow the file is written again at most this often. */
const EXPORT_EVERY_MS = 1000

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
    const via = (values.via ?? []).map(websocket)
    const db = open(out, { sync: follow(address, { via }) })
    const job: Job = {
      db,
      out,
      host: createNodeHost(),
      terminal,
      waitMs: parseNumber(values.wait, wait) * 1000,
    }
    try {
      return await fetchOnce(job, values.follow === true)
    } finally {
      await db.close()
    }
  },
}

type Job = {
  readonly db: Database
  readonly out: string
  readonly host: Host
  readonly terminal: Terminal
  readonly waitMs: number
}

async function fetchOnce(job: Job, goesOn: boolean): Promise<number> {
  const { db, terminal } = job
  await db.ready
  if (!(await isInStep(job))) return EXIT_FAILURE
  await write(job)
  while (goesOn && !terminal.interrupted.aborted) {
    const { seq } = db.status
    await nextStatus(job, (status) => status.seq !== seq)
    if (terminal.interrupted.aborted) break
    await pause(job, EXPORT_EVERY_MS)
    await write(job)
  }
  return EXIT_OK
}

/** Waits until nothing that the relay has is missing here; false when the user ended it. */
async function isInStep(job: Job): Promise<boolean> {
  const { db, terminal, waitMs } = job
  const isDone = ({ sync, seq }: Status): boolean =>
    sync.state === 'live' && sync.pending === 0 && seq > 0n
  let told = ''
  while (!isDone(db.status)) {
    const line = describe(db.status)
    if (line !== told) terminal.note(line)
    told = line
    const hasMoved = await nextStatus(job, () => true, waitMs)
    if (terminal.interrupted.aborted) return false
    if (!hasMoved) throw standstill(db.status, waitMs)
  }
  return true
}

async function write({ db, out, terminal }: Job): Promise<void> {
  const report = await db.verify()
  if (!report.ok) throw unverified(report)
  const { sizeBytes } = await db.export({ path: out })
  terminal.out(`file      ${out} (${sizeBytes} bytes)`)
  terminal.out(`seq       ${report.sealedSeq}`)
  terminal.out(`root      ${report.root}`)
  terminal.out('verified  every signature and the state root')
}

/** Resolves true at the next status that `isWanted`, false after `waitMs` without any or when the user
 *  ends it; rejects when the database stopped. */
function nextStatus(
  job: Job,
  isWanted: (status: Status) => boolean,
  waitMs?: number,
): Promise<boolean> {
  const { db, host, terminal } = job
  const { interrupted } = terminal
  return new Promise((resolve, reject) => {
    const settle = (act: () => void): void => {
      timer?.cancel()
      unsubscribe()
      interrupted.removeEventListener('abort', onAbort)
      act()
    }
    const onAbort = (): void => settle(() => resolve(false))
    const onStatus = (status: Status): void => {
      const failure = haltOf(status)
      if (failure !== undefined) settle(() => reject(failure))
      else if (isWanted(status)) settle(() => resolve(true))
    }
    const unsubscribe = db.onStatus(onStatus)
    const timer =
      waitMs === undefined ? undefined : host.setTimer(waitMs, () => settle(() => resolve(false)))
    interrupted.addEventListener('abort', onAbort, { once: true })
    const failure = haltOf(db.status)
    if (interrupted.aborted) onAbort()
    else if (failure !== undefined) settle(() => reject(failure))
  })
}

function haltOf({ failure, sync }: Status): ConstelliteError | undefined {
  if (failure !== undefined) return failure
  return sync.state === 'halted' ? sync.failure : undefined
}

function pause({ host, terminal }: Job, delayMs: number): Promise<void> {
  return new Promise((resolve) => {
    host.setTimer(delayMs, resolve)
    terminal.interrupted.addEventListener('abort', () => resolve(), { once: true })
  })
}

function describe({ sync, seq }: Status): string {
  const at = seq > 0n ? `, at seq ${seq}` : ''
  const part = sync.progress === undefined ? '' : ` ${Math.floor(sync.progress * 100)} %`
  const why = sync.failure === undefined ? '' : ` (${sync.failure.message})`
  return `${sync.state}${part}${at}${why}`
}

/** A file that is there already, and that no earlier run made, is somebody's. */
function assertOwnOutput(out: string): void {
  if (!existsSync(out) || existsSync(nodeDirectoryOf(out))) return
  throw usageFailure(`${out} is there already and would be replaced.`, 'Name a new file.')
}

function standstill(status: Status, waitMs: number): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrTimeout',
    message: `Nothing has moved for ${waitMs / 1000} s; the last word was "${describe(status)}".`,
    hint: 'Check that the relay runs and has this database, or wait longer with --wait.',
    retry: 'later',
    cause: status.sync.failure,
  })
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
