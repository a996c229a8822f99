/** Keys that verify often get a table of multiples, which makes a verification three times as fast.
 *  Keeps: a bounded number of tables, the one that was used longest ago goes first; a key earns its table by
 *  valid signatures, so a stranger cannot make us build one, which costs a dozen verifications. */

import { assert } from '../base/assert.ts'
import type { KernelInstance } from './kernel-instance.ts'

/** 220 KB each. */
const TABLES_MAX = 8
const CANDIDATES_MAX = 32
const VALID_BEFORE_TABLE = 8

const KEY_BYTES = 32

type Entry = {
  readonly key: Uint8Array
  validCount: number
  usedAt: number
  /** Place of the table in the kernel's memory; 0 for a candidate. */
  table: number
}

export type KnownKeys = {
  /** Place of the key's table, or 0 when it has none. */
  tableOf(publicKey: Uint8Array): number
  /** A key without a table verified a signature. */
  noteValid(publicKey: Uint8Array): void
}

export function createKnownKeys(instance: KernelInstance): KnownKeys {
  const { run } = instance
  const known: Entry[] = []
  const candidates: Entry[] = []
  let uses = 0
  const makeTable = (entry: Entry): void => {
    const isFull = known.length >= TABLES_MAX
    entry.table = isFull ? takeOldest(known).table : instance.keep(run.ed25519_key_table_size())
    const place = instance.scratch(KEY_BYTES)
    instance.bytes().set(entry.key, place)
    const isPoint = run.ed25519_key_prepare(place, entry.table) === 1
    assert(isPoint, 'a key that verified is a point')
    known.push(entry)
  }
  return {
    tableOf(publicKey) {
      const entry = find(known, publicKey)
      if (entry === undefined) return 0
      entry.usedAt = ++uses
      return entry.table
    },
    noteValid(publicKey) {
      uses += 1
      const entry = find(candidates, publicKey)
      if (entry === undefined) {
        if (candidates.length >= CANDIDATES_MAX) takeOldest(candidates)
        candidates.push({ key: publicKey.slice(), validCount: 1, usedAt: uses, table: 0 })
        return
      }
      entry.usedAt = uses
      entry.validCount += 1
      if (entry.validCount < VALID_BEFORE_TABLE) return
      candidates.splice(candidates.indexOf(entry), 1)
      makeTable(entry)
    },
  }
}

function find(entries: readonly Entry[], publicKey: Uint8Array): Entry | undefined {
  for (const entry of entries) if (isSame(entry.key, publicKey)) return entry
  return undefined
}

function isSame(one: Uint8Array, other: Uint8Array): boolean {
  for (let index = 0; index < KEY_BYTES; index++) if (one[index] !== other[index]) return false
  return true
}

function takeOldest(entries: Entry[]): Entry {
  let oldest = 0
  for (let index = 1; index < entries.length; index++) {
    if ((entries[index] as Entry).usedAt < (entries[oldest] as Entry).usedAt) oldest = index
  }
  // Only called on a full list.
  return entries.splice(oldest, 1)[0] as Entry
}
