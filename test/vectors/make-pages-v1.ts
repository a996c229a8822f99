/** Makes pages-v1.json: page payloads, state roots, a page proof and a snapshot as bytes, written against
 *  FORMATS alone.  Never: imports from src; the frames and keys are those of frame-v2.json.
 *  `CONSTELLITE_WRITE_VECTORS=1 npx vitest run test/unit/pages-vectors.test.ts` writes the file anew;
 *  once a version is released its vectors are never edited. */

import { readFileSync } from 'node:fs'
import {
  type Bytes,
  fixed,
  hash,
  hex,
  join,
  keyOf,
  type MadeFrame,
  sealOf,
  str16,
  text,
  u8,
  varint,
} from './plain-frame-v2.ts'

const PAGE_SIZE = 512
const COUNT = 7
const ZEROS = new Uint8Array(PAGE_SIZE)

/** Page 5 is zeros, every other byte i of page n is (31 n + 7 i) mod 256. */
const pageOf = (pgno: number): Bytes =>
  pgno === 5 ? ZEROS : Uint8Array.from({ length: PAGE_SIZE }, (_, i) => (31 * pgno + 7 * i) % 256)

const pagesTo = (count: number): Bytes[] =>
  Array.from({ length: count }, (_, index) => pageOf(index + 1))

const leafOf = (page: Bytes): Bytes => hash('constellite page v1', page)
const innerOf = (left: Bytes, right: Bytes): Bytes => hash('constellite node v1', left, right)

/** The tree by recursion over a power of two: what is left of it is a whole tree, so this is the same
 *  as pairing level by level and promoting the last. */
function topOf(leaves: readonly Bytes[]): Bytes {
  const [only] = leaves
  if (only === undefined) return new Uint8Array(32)
  if (leaves.length === 1) return only
  let half = 1
  while (half * 2 < leaves.length) half *= 2
  return innerOf(topOf(leaves.slice(0, half)), topOf(leaves.slice(half)))
}

function rootOf(count: number): Bytes {
  const sizes = join(fixed(4, count === 0 ? 0 : PAGE_SIZE), fixed(4, count))
  return hash('constellite root v1', sizes, topOf(pagesTo(count).map(leafOf)))
}

/** Siblings of page 6 of 7: 5, then 7 (promoted), then 1 to 4. */
function siblingsOfSix(): Bytes[] {
  const leaves = pagesTo(COUNT).map(leafOf)
  return [leaves[4] as Bytes, leaves[6] as Bytes, topOf(leaves.slice(0, 4))]
}

/** Pages 1 and 2 were there; page 1 changes in three bytes, page 3 is new, page 4 new and zeros. */
function payload(): Bytes {
  const head = join(u8(9), varint(4), varint(2), str16('note'), str16('tag'))
  const runs = join(
    ...[varint(24), varint(2), Uint8Array.of(0xaa, 0xbb)],
    ...[varint(274), varint(1), Uint8Array.of(0xcc)],
  )
  const first = join(varint(1), u8(1), varint(runs.length), runs)
  const third = join(varint(3), u8(0), varint(PAGE_SIZE), pageOf(3))
  return join(head, varint(2), first, third)
}

function chunk(first: number, last: number): Bytes {
  const plain = join(...pagesTo(last).slice(first - 1))
  return join(u8(0), fixed(4, first), fixed(4, plain.length), fixed(4, plain.length), plain)
}

function snapshot(): Bytes {
  const file = new URL('frame-v2.json', import.meta.url)
  const { shard, frames } = JSON.parse(readFileSync(file, 'utf8'))
  const bytes = (digits: string): Bytes => new Uint8Array(Buffer.from(digits, 'hex'))
  const { seq, checksum, stub } = frames.pages
  // `sealOf` reads no more of a frame than this.
  const head = { input: { seq: BigInt(seq) }, checksum: bytes(checksum) } as MadeFrame
  const seal = sealOf(keyOf(0x11), bytes(shard), 0n, head, rootOf(COUNT))
  const genesis = bytes(frames.genesis.whole)
  const authority = join(varint(1), varint(genesis.length), genesis)
  return join(
    ...[text.encode('CSNP'), u8(2), u8(9), fixed(4, COUNT), seal.bytes, bytes(stub)],
    ...[fixed(4, authority.length), authority, ...pagesTo(COUNT).map(leafOf)],
    ...[chunk(1, 4), chunk(6, 7)],
  )
}

export function makePagesVectors(): string {
  const vectors = {
    note: 'Made by make-pages-v1.ts.  512-byte pages: byte i of page n is (31 n + 7 i) mod 256, page 5 is zeros.',
    payload: hex(payload()),
    zeroLeaf: hex(leafOf(ZEROS)),
    roots: Array.from({ length: COUNT + 1 }, (_, count) => hex(rootOf(count))),
    proof: { pgno: 6, pageCount: COUNT, siblings: siblingsOfSix().map(hex) },
    snapshot: hex(snapshot()),
  }
  return `${JSON.stringify(vectors, undefined, 2)}\n`
}
