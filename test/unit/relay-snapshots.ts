/** Snapshots to upload to a relay, sealed by a chain's author. */
import type { Position } from '../../src/base/ids.ts'
import { concatBytes, equalBytes } from '../../src/bytes/compare.ts'
import { createSeal } from '../../src/frame/seal.ts'
import { createSnapshot } from '../../src/pages/snapshot.ts'
import { createPageTree } from '../../src/pages/tree.ts'
import type { TestChain } from './relay-chains.ts'
import type { Client } from './relay-fixtures.ts'

export const PAGE_BYTES = 512

/** A snapshot of `pageCount` pages sealed by the chain's author at `at`, as one byte string. */
export async function snapshotOf(
  chain: TestChain,
  at: Position,
  pageCount = 40,
  epoch = 0n,
): Promise<Uint8Array> {
  const page = (pgno: number): Uint8Array => new Uint8Array(PAGE_BYTES).fill(pgno % 250)
  const tree = createPageTree()
  const changes = new Map(Array.from({ length: pageCount }, (_, i) => [i + 1, page(i + 1)]))
  tree.advance(changes, pageCount, PAGE_BYTES)
  const seal = await createSeal(chain.signer, {
    shard: chain.shard,
    epoch,
    seq: at.seq,
    checksum: at.checksum,
    root: tree.root(),
  })
  const parts: Uint8Array[] = []
  const head = chain.frames.find(({ checksum }) => equalBytes(checksum, at.checksum))
  if (head === undefined) throw new Error('the chain has the frame that is sealed')
  const header = {
    shard: chain.shard,
    pageSize: PAGE_BYTES,
    pageCount,
    seal,
    head,
    authority: chain.authority,
  }
  for await (const part of createSnapshot({
    header,
    leaves: tree.leaves(),
    readPage: (pgno, target) => target.set(page(pgno)),
  })) {
    parts.push(part)
  }
  return concatBytes(...parts)
}

export async function upload(
  writer: Client,
  chain: TestChain,
  snapshot: Uint8Array,
): Promise<void> {
  const count = 4
  const size = Math.ceil(snapshot.length / count)
  for (let index = 0; index < count; index++) {
    await writer.send({
      type: 'snapshot',
      shard: chain.shard,
      index,
      last: index === count - 1,
      bytes: snapshot.slice(index * size, (index + 1) * size),
    })
  }
}
