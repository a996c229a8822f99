/** The shard's face: the operations over one state, each a call into the file that answers it. */

import type { Seq } from '../base/ids.ts'
import { currentTerm } from '../frame/authority.ts'
import type { Seal } from '../frame/seal.ts'
import { adoptAuthority } from './adopt.ts'
import { applySealedRun, receivedPosition } from './apply.ts'
import { nobodyMayWrite, rightUnder } from './authority.ts'
import { flushAndFold, runCheckpoint } from './checkpoint.ts'
import { commitTransaction } from './commit.ts'
import { flushShard } from './flush.ts'
import { importPages } from './import.ts'
import { installSnapshot } from './install.ts'
import { readKept } from './kept.ts'
import { beginRequest, endRequest } from './request.ts'
import { headRun, sealDurableHead } from './seal-head.ts'
import type { Shard } from './shard.ts'
import { createShardSnapshot } from './snapshot.ts'
import { assertOpen, authorityOf, halt, headHlcOf, type ShardState, subscribe } from './state.ts'
import { takeOver } from './take-over.ts'
import { measureShard } from './usage.ts'
import { verifyShard } from './verify.ts'

export function createShardFace(state: ShardState): Shard {
  const { listeners, mutex, wal } = state
  return {
    id: state.id,
    ownAuthor: state.signer.publicKey,
    pages: state.pages,
    get role() {
      return state.role
    },
    get author() {
      return authorOf(state)
    },
    mayWrite(header, opening) {
      const { authority } = state
      const right = authority === undefined ? nobodyMayWrite : rightUnder(authority)
      return right(header, opening)
    },
    get head() {
      return state.head
    },
    get received() {
      return receivedPosition(state)
    },
    get headHlc() {
      return headHlcOf(state)
    },
    get durable() {
      return state.durable
    },
    get newestSeal() {
      return state.newestSeal
    },
    get authority() {
      return authorityOf(state)
    },
    get halted() {
      return state.halted
    },
    commit: (transaction) => commitTransaction(state, transaction),
    requests: requestsOf(state),
    flush: () => flushAndFold(state),
    seal: () => sealNow(state),
    adoptAuthority: (frames) => adoptAuthority(state, frames),
    takeOver: (owner) => mutex.run(() => takeOver(state, owner)),
    readKept: (file) => readKept(state, file),
    applyRun: (run) => mutex.run(() => applySealedRun(state, run)),
    readRun: (from, sizeBytesMax) => wal.readRun(from, sizeBytesMax),
    headRun: () => headRun(state),
    readFrame: (seq) => wal.readFrame(seq),
    range: () => wal.range(),
    snapshot: () => createShardSnapshot(state),
    install: (parts, onProgress) => installSnapshot(state, parts, onProgress),
    importPages: (source) => importPages(state, source),
    verify: (onProgress) => verifyShard(state, onProgress),
    hold: (holder, seq) => holdOnce(state, holder, seq),
    heldAbove: (holder) => wal.holders.find(({ name }) => name === holder)?.seq,
    keepHolders: (names) => keepHolders(state, names),
    get logUse() {
      return { sizeBytes: wal.logBytes, capBytes: state.capBytes }
    },
    usage: () => measureShard(state),
    release: (holder, seq) => wal.release(holder, seq),
    onAdvance: (listener) => subscribe(listeners.advance, listener),
    onSeal: (listener) => subscribe(listeners.seal, listener),
    onHalt: (listener) => subscribe(listeners.halt, listener),
    halt: (failure) => void halt(state, failure),
    checkpoint: () => mutex.run(() => checkpointNow(state)),
    close: () => state.slotMutex.run(() => mutex.run(() => close(state))),
  }
}

function authorOf({ authority }: ShardState): Shard['author'] {
  if (authority === undefined) return undefined
  const { author, epoch } = currentTerm(authority)
  return { key: author, epoch }
}

function requestsOf(state: ShardState): Shard['requests'] {
  return {
    find: (id) => state.requests.find(id),
    begin: (id) => beginRequest(state, id),
    end: (outcome) => endRequest(state, outcome),
  }
}

async function sealNow(state: ShardState): Promise<Seal | undefined> {
  assertOpen(state)
  await sealDurableHead(state)
  return state.newestSeal
}

/** What a holder released before it released for good. */
function holdOnce({ wal }: ShardState, holder: string, seq: Seq): void {
  if (!wal.holders.some(({ name }) => name === holder)) wal.hold(holder, seq)
}

async function keepHolders({ wal }: ShardState, names: readonly string[]): Promise<void> {
  for (const { name } of wal.holders) if (!names.includes(name)) await wal.drop(name)
}

async function checkpointNow(state: ShardState): Promise<void> {
  do await flushShard(state)
  while (state.durable.seq !== state.head.seq)
  await runCheckpoint(state)
}

async function close(state: ShardState): Promise<void> {
  if (state.isClosed) return
  state.sealTimer?.cancel()
  try {
    // It fails only where the next opening tries again and tells.
    await state.keeping?.catch(() => undefined)
    // A halted shard is closed as it stands: what it would write now is not to be trusted.
    if (state.halted === undefined) {
      await checkpointNow(state)
      await state.wal.flush()
    }
  } finally {
    state.isClosed = true
    await state.wal.close()
    state.pageFile.close()
    state.leavesFile.close()
  }
}
