/** Snapshot of a shard: the page image at a sealed head, as parts to send or store.
 *  Keeps: the pages are pinned as of the seal while it is read, so writing goes on beside it. */

import { assert } from '../base/assert.ts'
import { ConstelliteError } from '../base/failure.ts'
import type { Seal } from '../frame/seal.ts'
import { createSnapshot } from '../pages/snapshot.ts'
import { flushShard } from './flush.ts'
import { sealDurableHead } from './seal-head.ts'
import { assertOpen, authorityOf, type ShardState } from './state.ts'

export async function createShardSnapshot(state: ShardState): Promise<AsyncIterable<Uint8Array>> {
  assertOpen(state)
  if (state.authority === undefined) {
    throw new ConstelliteError({
      code: 'ErrUnavailable',
      message: 'There is nothing to make a snapshot of: the genesis has not arrived.',
      hint: 'Wait until the first frame is here.',
      retry: 'later',
    })
  }
  for (;;) {
    await flushShard(state)
    await sealDurableHead(state)
    const seal = state.newestSeal
    // Commits may have come in between; the pages must be those of the seal.
    if (seal === undefined || seal.seq !== state.head.seq) {
      assertOpen(state)
      if (state.role !== 'writer') throw unsealed()
      continue
    }
    return snapshotAt(state, seal)
  }
}

/** The image at the newest head, which this seal covers. */
export function snapshotAt(state: ShardState, seal: Seal): AsyncIterable<Uint8Array> {
  const { pages, headFrame: head } = state
  assert(state.durable.seq === seal.seq && head !== undefined, 'a sealed head is durable')
  const version = pages.pin()
  return readPinned(
    () => pages.unpin(version),
    createSnapshot({
      header: {
        shard: state.id,
        pageSize: pages.pageSize,
        pageCount: pages.pageCount(version),
        seal,
        head,
        authority: authorityOf(state),
      },
      leaves: state.tree.leaves(),
      readPage: (pgno, into) => {
        pages.read(pgno, version, into, 0)
      },
    }),
  )
}

function unsealed(): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrUnavailable',
    message: 'The newest frames here have no seal, so that nobody could check them.',
    hint: 'Wait for the next sealed run of their writer.',
    retry: 'later',
  })
}

async function* readPinned(
  unpin: () => void,
  parts: AsyncIterable<Uint8Array>,
): AsyncIterable<Uint8Array> {
  try {
    yield* parts
  } finally {
    unpin()
  }
}
