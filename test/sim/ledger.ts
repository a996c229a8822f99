/** Ledger: what the writers of one shard committed, written down beside the system and before it: the model
 *  that the checkers compare with.  A tree, because what was not durable may be committed anew, and because
 *  clones and restored images fork.
 *  Keeps: an entry's pages are what the workload wrote, never what a shard says. */

import type { Position } from '../../src/base/ids.ts'
import { formatHex } from '../../src/bytes/text.ts'

export type LedgerEntry = {
  readonly seq: bigint
  readonly checksum: string
  readonly epoch: bigint
  readonly parent: LedgerEntry | undefined
  /** Images of page 1 on. */
  readonly pages: readonly Uint8Array[]
  /** A byte of the writer's memory rotted before this transaction, which was sealed with it. */
  rot: { readonly pgno: number; readonly at: number } | undefined
  /** Some copy had it durable once. */
  isDurable: boolean
}

export type Ledger = {
  begin(genesis: Position): LedgerEntry
  add(parent: LedgerEntry, position: Position, pages: readonly Uint8Array[]): LedgerEntry
  /** A hand-over: the pages stay, the epoch does not. */
  handOver(parent: LedgerEntry, position: Position, epoch: bigint): LedgerEntry
  find(position: Position): LedgerEntry | undefined
  /** Marks an entry and all before it.  Answers a second durable child of one parent, if that made one. */
  markDurable(entry: LedgerEntry): LedgerEntry | undefined
  /** A byte rotted under this transaction: whether a copy has it depends on how it came by its pages. */
  markRotten(entry: LedgerEntry, place: { readonly pgno: number; readonly at: number }): void
  /** Lowest seq of a transaction under which a byte rotted. */
  readonly rottenSeq: bigint | undefined
  /** Two durable frames of one epoch follow one frame. */
  readonly isForked: boolean
  /** Whether `entry` is superseded by a hand-over that goes on from `at` or from before it: a relay cuts
   *  what is beyond first, and then takes the hand-over. */
  isBeingSuperseded(entry: LedgerEntry, at: LedgerEntry): boolean
}

export function createLedger(): Ledger {
  const entries = new Map<string, LedgerEntry>()
  const handOvers: LedgerEntry[] = []
  const durableChildren = new Map<LedgerEntry, LedgerEntry[]>()
  let isForked = false
  let rottenSeq: bigint | undefined
  const put = (entry: LedgerEntry): LedgerEntry => {
    entries.set(entry.checksum, entry)
    return entry
  }
  const markOne = (entry: LedgerEntry): LedgerEntry | undefined => {
    entry.isDurable = true
    if (entry.parent === undefined) return undefined
    const siblings = durableChildren.get(entry.parent) ?? []
    const other = siblings.find(({ epoch }) => epoch === entry.epoch)
    durableChildren.set(entry.parent, [...siblings, entry])
    if (other !== undefined) isForked = true
    return other
  }
  return {
    begin: (genesis) => put({ ...entryOf(genesis, undefined, []), isDurable: true }),
    add: (parent, position, pages) => put(entryOf(position, parent, pages)),
    handOver(parent, position, epoch) {
      const entry = put({ ...entryOf(position, parent, parent.pages), epoch })
      handOvers.push(entry)
      return entry
    },
    find(position) {
      const entry = entries.get(formatHex(position.checksum))
      return entry?.seq === position.seq ? entry : undefined
    },
    markDurable(entry) {
      let found: LedgerEntry | undefined
      for (
        let at: LedgerEntry | undefined = entry;
        at !== undefined && !at.isDurable;
        at = at.parent
      ) {
        found = markOne(at) ?? found
      }
      return found
    },
    markRotten(entry, place) {
      entry.rot = place
      if (rottenSeq === undefined || entry.seq < rottenSeq) rottenSeq = entry.seq
    },
    get rottenSeq() {
      return rottenSeq
    },
    get isForked() {
      return isForked
    },
    isBeingSuperseded: (entry, at) =>
      handOvers.some(
        (one) => one.epoch > entry.epoch && one.parent !== undefined && isAncestor(one.parent, at),
      ),
  }
}

function entryOf(
  { seq, checksum }: Position,
  parent: LedgerEntry | undefined,
  pages: readonly Uint8Array[],
): LedgerEntry {
  const epoch = parent?.epoch ?? 0n
  return {
    seq,
    checksum: formatHex(checksum),
    epoch,
    parent,
    pages,
    rot: undefined,
    isDurable: false,
  }
}

/** Whether `newer` goes on from `older`, or is it. */
export function isAncestor(older: LedgerEntry, newer: LedgerEntry): boolean {
  let at: LedgerEntry | undefined = newer
  while (at !== undefined && at.seq > older.seq) at = at.parent
  return at === older
}

/** Whether `newer` stands behind a hand-over that `older` did not know: what may supersede it. */
export function supersedes(newer: LedgerEntry, older: LedgerEntry): boolean {
  return newer.epoch > older.epoch
}

export function nameOf(entry: LedgerEntry): string {
  return `${entry.seq} (${entry.checksum.slice(0, 8)})`
}

/** Pages with the rotten bytes of `entry` and of all before it as `shown` has them: of those the model does
 *  not know which way they are. */
export function pagesBesideRot(
  entry: LedgerEntry,
  shown: (pgno: number) => Uint8Array,
): readonly Uint8Array[] {
  const pages = [...entry.pages]
  for (let at: LedgerEntry | undefined = entry; at !== undefined; at = at.parent) {
    const page = at.rot && pages[at.rot.pgno - 1]
    if (at.rot === undefined || page === undefined) continue
    const changed = page.slice()
    changed[at.rot.at] = shown(at.rot.pgno)[at.rot.at] ?? 0
    pages[at.rot.pgno - 1] = changed
  }
  return pages
}
