/** What the tests of snapshots share: one made from a model, one read with what its sink got. */

import { deflateRawSync, inflateRawSync } from 'node:zlib'
import { expect } from 'vitest'
import type { ConstelliteError } from '../../src/base/failure.ts'
import type { Frame } from '../../src/frame/frame.ts'
import type { Genesis } from '../../src/frame/genesis.ts'
import { createSeal } from '../../src/frame/seal.ts'
import {
  createSnapshot,
  readSnapshot,
  type SnapshotHeader,
  type SnapshotLimits,
} from '../../src/pages/snapshot.ts'
import type { Compressor } from '../../src/pages/snapshot-chunks.ts'
import { createPageTree } from '../../src/pages/tree.ts'
import { AUTHOR, framesAfter, genesisOf } from './frame-fixtures.ts'
import { type Model, pageOf, zeros } from './pages-fixtures.ts'

export const compressor: Compressor = {
  compress: async (bytes) => new Uint8Array(deflateRawSync(bytes)),
  decompress: async (bytes, sizeBytesMax) =>
    new Uint8Array(inflateRawSync(bytes, { maxOutputLength: sizeBytesMax })),
}

export const genesis: Genesis = genesisOf()
export const frame: Frame = framesAfter(genesis, genesis.frame, 1)[0] as Frame

export type Taken = { header?: SnapshotHeader; pages: Uint8Array[]; largest: number }

export async function partsOf(model: Model, compress?: Compressor): Promise<Uint8Array[]> {
  const pageSize = model[0]?.byteLength ?? 0
  const tree = createPageTree()
  tree.advance(new Map(model.map((page, index) => [index + 1, page])), model.length, pageSize)
  const seal = await createSeal(AUTHOR, {
    shard: genesis.shard,
    epoch: 0n,
    seq: frame.seq,
    checksum: frame.checksum,
    root: tree.root(),
  })
  const header = {
    shard: genesis.shard,
    pageSize,
    pageCount: model.length,
    seal,
    head: frame,
    authority: [genesis.frame],
  }
  const parts: Uint8Array[] = []
  const snapshot = createSnapshot({
    header,
    leaves: tree.leaves(),
    readPage: (pgno, target) => target.set(model[pgno - 1] as Uint8Array),
    ...(compress === undefined ? {} : { compressor: compress }),
  })
  for await (const part of snapshot) parts.push(part)
  return parts
}

async function* streamOf(parts: Iterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield* parts
}

export async function take(
  parts: Iterable<Uint8Array>,
  limits?: SnapshotLimits,
): Promise<{ taken: Taken; failure: ConstelliteError | undefined; root: Uint8Array | undefined }> {
  const taken: Taken = { pages: [], largest: 0 }
  const result = await readSnapshot(
    streamOf(parts),
    {
      header(header) {
        taken.header = header
      },
      pages(firstPgno, bytes) {
        const { pageSize } = taken.header as SnapshotHeader
        expect(firstPgno).toBe(taken.pages.length + 1)
        taken.largest = Math.max(taken.largest, bytes.byteLength)
        for (let at = 0; at < bytes.byteLength; at += pageSize) {
          taken.pages.push(bytes.slice(at, at + pageSize))
        }
      },
    },
    limits,
  )
  if (!result.ok) return { taken, failure: result.failure, root: undefined }
  return { taken, failure: undefined, root: result.value.tree.root() }
}

export const small: Model = [pageOf(1), zeros(), pageOf(3), pageOf(4), zeros()]
