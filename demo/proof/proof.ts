/** Proof: the main job without a person.  A writer in this process imports demo/sample.db; a follower in
 *  another process gets it through a relay; both are compared, and the follower's copy is exported and
 *  looked at with stock SQLite.  Then one more row travels.
 *  Keeps: *verified* is printed only when every check held; nothing is left behind. */

import { type ChildProcess, fork } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Database, VerifyReport } from '../../src/database/types.ts'
import { publish, websocket } from '../../src/entry/face.ts'
import { startRelay } from '../../src/entry/relay.ts'
import { open } from '../../src/platform/node.ts'
import type { Answer, Ask } from './report.ts'
import { askProgram, inspectFile } from './stock.ts'
import { grouped, short } from './words.ts'

const SAMPLE = fileURLToPath(new URL('../sample.db', import.meta.url))
const FOLLOWER = fileURLToPath(new URL('./follower.ts', import.meta.url))
const SHARED_MS = 30_000

export type Print = (label: string, text: string) => void

type Looked = Extract<Answer, { readonly ok: true }>

/** True when everything held; what did not is printed. */
export async function prove(print: Print): Promise<boolean> {
  const folder = mkdtempSync(join(tmpdir(), 'constellite-proof-'))
  const relay = await startRelay({ dir: join(folder, 'relay'), port: 0 })
  const writer = open(join(folder, 'writer'), { sync: publish({ via: [websocket(relay.url)] }) })
  let follower: ChildProcess | undefined
  try {
    print('relay', `${relay.url}, stores and forwards, believes nobody`)
    const { sizeBytes, pageCount, pageSize } = await writer.import(SAMPLE)
    const pages = `${pageCount} pages of ${pageSize}`
    print('writer', `imported demo/sample.db: ${grouped(sizeBytes)} bytes, ${pages}`)
    await writer.until('shared', { timeoutMs: SHARED_MS })
    const { address } = await writer.ready
    follower = startFollower(folder, address)
    print('follower', `process ${follower.pid}, which knows only ${address.slice(0, 28)}…`)
    const imported = await checkImport(writer, follower, print)
    const live = await checkLive(writer, follower, print)
    return imported && live
  } finally {
    await stopFollower(follower)
    await writer.close()
    await relay.close()
    rmSync(folder, { recursive: true, force: true })
  }
}

/** The whole file arrived: same position, same root, same rows. */
async function checkImport(writer: Database, follower: ChildProcess, print: Print) {
  const own = await writer.verify()
  const theirs = await askFollower(follower, writer.status.seq)
  const isSame = comparePositions(writer, own, theirs, print)
  const [sample, exported] = await Promise.all([inspectFile(SAMPLE), inspectFile(theirs.path)])
  const program = askProgram(theirs.path)
  print('', '')
  print('integrity_check', `${theirs.integrity} (inside the follower)`)
  print('', `${exported.integrity} (stock SQLite ${exported.version} on the exported file)`)
  if (program !== undefined) print('', `${program} (the sqlite3 program on the exported file)`)
  const counts = Object.entries(exported.rowCountByTable).map(
    ([table, count]) => `${table} ${grouped(count)}`,
  )
  const isEqual = sample.digest === exported.digest
  print('rows', `${counts.join(', ')}: ${isEqual ? 'the same' : 'NOT the same'} as in the sample`)
  const checks = [theirs.integrity, exported.integrity, program ?? 'ok']
  return isSame && isEqual && checks.every((text) => text === 'ok')
}

/** One more row, while the follower listens. */
async function checkLive(writer: Database, follower: ChildProcess, print: Print) {
  print('', '')
  const before = performance.now()
  const { seq } = await writer.run`INSERT INTO word VALUES (${'constellite'}, 1)`
  const theirs = await askFollower(follower, seq)
  const tookMs = Math.round(performance.now() - before)
  print('one more row', `there, verified and exported ${grouped(tookMs)} ms later`)
  return comparePositions(writer, await writer.verify(), theirs, print)
}

function comparePositions(
  writer: Database,
  own: VerifyReport,
  theirs: Looked,
  print: Print,
): boolean {
  const { seq } = writer.status
  print('at the writer', `seq ${seq}, state root ${short(own.root)}`)
  print('at the follower', `seq ${theirs.seq}, state root ${short(theirs.verified.root)}`)
  const isSame = seq === theirs.seq && own.root === theirs.verified.root
  const isSealed = theirs.verified.sealedSeq === seq
  const isVerified = own.ok && theirs.verified.ok && isSame && isSealed
  const what = 'signature over the newest frame, and the state root recomputed over all pages'
  print('', isVerified ? `verified: ${what}` : `NOT verified: ${JSON.stringify(plain(theirs))}`)
  return isVerified
}

/** JSON has no bigint. */
function plain({ verified }: Looked): unknown {
  return Object.fromEntries(Object.entries(verified).map(([key, value]) => [key, String(value)]))
}

function startFollower(folder: string, address: string): ChildProcess {
  // What this process was started with (the TypeScript loader) goes with it.
  return fork(FOLLOWER, [folder, address], { serialization: 'advanced' })
}

function askFollower(follower: ChildProcess, seq: bigint): Promise<Looked> {
  return new Promise((resolve, reject) => {
    const onExit = (status: number | null): void => {
      reject(new Error(`the follower's process ended with ${status}`))
    }
    follower.once('exit', onExit)
    follower.once('message', (message) => {
      follower.off('exit', onExit)
      // Only follower.ts answers on this channel.
      const answer = message as Answer
      if (answer.ok) resolve(answer)
      else reject(new Error(`the follower says: ${answer.text}`))
    })
    follower.send({ seq } satisfies Ask)
  })
}

async function stopFollower(follower: ChildProcess | undefined): Promise<void> {
  if (follower === undefined || follower.exitCode !== null) return
  const ended = new Promise((resolve) => follower.once('exit', resolve))
  follower.disconnect()
  await ended
}
