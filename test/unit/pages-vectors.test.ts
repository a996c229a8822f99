/** Payload, state root, proof and snapshot, byte for byte, against vectors that an encoder independent of
 *  src made. */

import { readFileSync, writeFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { orThrow } from '../../src/base/failure.ts'
import { concatBytes } from '../../src/bytes/compare.ts'
import { formatHex, parseHex } from '../../src/bytes/text.ts'
import { readAuthority } from '../../src/frame/authority.ts'
import { verifySeal } from '../../src/frame/seal.ts'
import { applyPayload, decodePayload, encodePayloads } from '../../src/pages/payload.ts'
import { verifyPageProof } from '../../src/pages/proof.ts'
import { createSnapshot, type SnapshotHeader } from '../../src/pages/snapshot.ts'
import { createPageTree, type PageTree, zeroLeaf } from '../../src/pages/tree.ts'
import { makePagesVectors } from '../vectors/make-pages-v1.ts'
import { expectPages, type Model, PAGE_SIZE, zeros } from './pages-fixtures.ts'
import { take } from './pages-snapshot-fixtures.ts'

const FILE = new URL('../vectors/pages-v1.json', import.meta.url)
if (process.env['CONSTELLITE_WRITE_VECTORS'] === '1') writeFileSync(FILE, makePagesVectors())
const written = readFileSync(FILE, 'utf8')
const vectors = JSON.parse(written)
const bytes = (text: string): Uint8Array => orThrow(parseHex(text))

function patternPage(pgno: number): Uint8Array {
  return pgno === 5
    ? zeros()
    : Uint8Array.from({ length: PAGE_SIZE }, (_, at) => (31 * pgno + 7 * at) % 256)
}

const model: Model = [1, 2, 3, 4, 5, 6, 7].map(patternPage)

function treeOf(count: number): PageTree {
  const tree = createPageTree()
  const changes = new Map(model.slice(0, count).map((page, index) => [index + 1, page]))
  tree.advance(changes, count, PAGE_SIZE)
  return tree
}

describe('the vectors of pages', () => {
  it('are what the independent encoder makes', () => {
    expect(written).toBe(makePagesVectors())
  })

  it('hold a payload', () => {
    const changed = patternPage(1)
    changed.set([0xaa, 0xbb], 24)
    changed[300] = 0xcc
    const oldImage = (pgno: number): Uint8Array | undefined =>
      pgno <= 2 ? patternPage(pgno) : undefined
    const changes = new Map([
      [4, zeros()],
      [3, patternPage(3)],
      [2, patternPage(2)],
      [1, changed],
    ])
    const transaction = { changes, oldImage, pageSize: PAGE_SIZE, pageCount: 4 }
    const sections = encodePayloads({ ...transaction, tables: ['note', 'tag'] })
    expect(sections.map(formatHex)).toEqual([vectors.payload])
    const payload = orThrow(decodePayload(bytes(vectors.payload), { pageSize: PAGE_SIZE }))
    const applied = orThrow(applyPayload(payload, oldImage))
    expect([...applied.keys()]).toEqual([1, 3])
    expectPages([...applied.values()], [changed, patternPage(3)])
    expect(payload).toMatchObject({ pageCount: 4, tables: ['note', 'tag'] })
  })

  it('hold the leaf of zeros and a root for every count', () => {
    expect(formatHex(zeroLeaf(PAGE_SIZE))).toBe(vectors.zeroLeaf)
    for (const [count, root] of vectors.roots.entries()) {
      expect(formatHex(treeOf(count).root())).toBe(root)
    }
  })

  it('hold a page proof', () => {
    const { pgno, pageCount, siblings } = vectors.proof
    expect(treeOf(pageCount).siblings(pgno).map(formatHex)).toEqual(siblings)
    const proof = { pageSize: PAGE_SIZE, pageCount, pgno, siblings: siblings.map(bytes) }
    const root = bytes(vectors.roots[pageCount])
    expect(verifyPageProof(root, patternPage(pgno), proof)).toBe(true)
  })

  it('hold a snapshot, whose seal and authority verify', async () => {
    const { taken, failure } = await take([bytes(vectors.snapshot)])
    expect(failure).toBeUndefined()
    expectPages(taken.pages, model)
    const header = taken.header as SnapshotHeader
    expect(verifySeal(header.seal)).toBe(true)
    expect(orThrow(readAuthority(header.authority, header.shard)).terms.length).toBe(1)
    const parts: Uint8Array[] = []
    const snapshot = createSnapshot({
      header,
      leaves: treeOf(7).leaves(),
      readPage: (pgno, target) => target.set(model[pgno - 1] as Uint8Array),
    })
    for await (const part of snapshot) parts.push(part)
    expect(formatHex(concatBytes(...parts))).toBe(vectors.snapshot)
  })
})
