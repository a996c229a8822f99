/** Batches of signatures in the kernel; see wasm/src/ed25519/batch.c.
 *  Keeps: the answer names exactly the items that do not verify one by one.  A batch that fails is halved
 *  until few enough are left to ask each: one bad item among n costs about two batches of n.
 *  Never: reuses a coefficient, or asks for one before the items are in the kernel's memory. */

import { equalBytes } from '../bytes/compare.ts'
import type { KernelInstance } from './kernel-instance.ts'
import type { BatchResult, Ed25519, RandomBytes, SignedMessage } from './kernel-interface.ts'

export type BatchTools = {
  readonly instance: KernelInstance
  readonly random: RandomBytes
  readonly tables: () => number
  readonly verify: Ed25519['verify']
  /** False for what is malformed or too long for a batch: that is asked alone. */
  readonly isFit: (item: SignedMessage) => boolean
}

type Place = { readonly index: number; readonly item: SignedMessage }

const BATCH_COUNT_MAX = 1024
const BATCH_MESSAGE_BYTES_MAX = 1 << 21
/** So few are as fast alone. */
const ALONE_COUNT_MAX = 4
const COEFFICIENT_BYTES = 16
const ITEM_BYTES = 16

export function findBad(items: readonly SignedMessage[], tools: BatchTools): BatchResult {
  const bad: number[] = []
  const alone: Place[] = []
  const together: Place[] = []
  for (const [index, item] of items.entries()) {
    if (tools.isFit(item)) together.push({ index, item })
    else alone.push({ index, item })
  }
  askEach(alone, tools, bad)
  for (const batch of cut(together)) resolve(batch, tools, bad)
  bad.sort((one, other) => one - other)
  return { ok: bad.length === 0, bad }
}

/** Batches within both limits. */
function* cut(places: readonly Place[]): Generator<readonly Place[]> {
  let batch: Place[] = []
  let messageBytes = 0
  for (const place of places) {
    const size = place.item.message.byteLength
    const isFull = batch.length >= BATCH_COUNT_MAX || messageBytes + size > BATCH_MESSAGE_BYTES_MAX
    if (isFull && batch.length > 0) {
      yield batch
      batch = []
      messageBytes = 0
    }
    batch.push(place)
    messageBytes += size
  }
  if (batch.length > 0) yield batch
}

function resolve(batch: readonly Place[], tools: BatchTools, bad: number[]): void {
  if (batch.length <= ALONE_COUNT_MAX) {
    askEach(batch, tools, bad)
    return
  }
  if (verifyTogether(batch, tools)) return
  const middle = batch.length >>> 1
  resolve(batch.slice(0, middle), tools, bad)
  resolve(batch.slice(middle), tools, bad)
}

function askEach(places: readonly Place[], tools: BatchTools, bad: number[]): void {
  for (const { index, item } of places) {
    if (!tools.verify(item.signature, item.message, item.publicKey)) bad.push(index)
  }
}

/** Lays out: items, keys, coefficients, signatures, messages, and the room to work in. */
function verifyTogether(
  batch: readonly Place[],
  { instance, random, tables }: BatchTools,
): boolean {
  const { run } = instance
  const base = tables()
  const count = batch.length
  const { keys, keyIndices } = distinctKeys(batch)
  let messageBytes = 0
  for (const { item } of batch) messageBytes += item.message.byteLength
  const fixedBytes = count * (ITEM_BYTES + COEFFICIENT_BYTES + 64) + keys.length * 32
  const scratchAt = (fixedBytes + messageBytes + 15) & ~15
  const scratchBytes = run.ed25519_batch_scratch_size(count, keys.length)
  const itemsPlace = instance.scratch(scratchAt + scratchBytes)
  const keysPlace = itemsPlace + count * ITEM_BYTES
  const coefficients = keysPlace + keys.length * 32
  let at = coefficients + count * COEFFICIENT_BYTES
  const heap = instance.bytes()
  const words = new DataView(heap.buffer)
  for (const [index, key] of keys.entries()) heap.set(key, keysPlace + index * 32)
  for (const [index, { item }] of batch.entries()) {
    const place = itemsPlace + index * ITEM_BYTES
    const size = item.message.byteLength
    heap.set(item.signature, at)
    heap.set(item.message, at + 64)
    words.setUint32(place, at, true)
    words.setUint32(place + 4, at + 64, true)
    words.setUint32(place + 8, size, true)
    words.setUint32(place + 12, keyIndices[index] as number, true)
    at += 64 + size
  }
  heap.set(random(count * COEFFICIENT_BYTES), coefficients)
  const scratch = itemsPlace + scratchAt
  return (
    run.ed25519_verify_batch(
      base,
      itemsPlace,
      count,
      keysPlace,
      keys.length,
      coefficients,
      scratch,
    ) === 1
  )
}

/** Each key once, and for each item the index of its key.  Two keys with one beginning may make a key occur
 *  twice, which costs a little time and changes no answer. */
function distinctKeys(batch: readonly Place[]): { keys: Uint8Array[]; keyIndices: number[] } {
  const indexByPrefix = new Map<number, number>()
  const keys: Uint8Array[] = []
  const keyIndices = batch.map(({ item: { publicKey } }) => {
    const prefix = prefixOf(publicKey)
    const known = indexByPrefix.get(prefix)
    // The map holds indices of keys only.
    if (known !== undefined && equalBytes(keys[known] as Uint8Array, publicKey)) return known
    indexByPrefix.set(prefix, keys.length)
    return keys.push(publicKey) - 1
  })
  return { keys, keyIndices }
}

function prefixOf(key: Uint8Array): number {
  return key[0]! | (key[1]! << 8) | (key[2]! << 16) | (key[3]! << 24)
}
