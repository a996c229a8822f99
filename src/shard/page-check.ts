/** Page check: a page of the page file is compared with its leaf when it is first read (DESIGN §5,
 *  Checkpoint), so that damage on the device is neither answered nor signed on top of.
 *  Keeps: a page that does not fit halts the shard, naming the page. */

import { ConstelliteError } from '../base/failure.ts'
import { equalBytes } from '../bytes/compare.ts'
import { leafOf } from '../pages/tree.ts'
import { halt, type ShardState } from './state.ts'

export function checkPagesOf(state: ShardState): void {
  state.pages.checkFirstReads((pgno, page) => {
    if (equalBytes(leafOf(page), state.tree.knownLeaf(pgno))) return
    throw halt(state, damagedPage(pgno))
  })
}

function damagedPage(pgno: number): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrCorrupt',
    message: `Page ${pgno} of the database is not what was written: its bytes on the device have changed.`,
    hint: 'The device or another program damaged the file.  Discard this copy and follow again, or restore the folder from a backup.',
    facts: { pgno },
  })
}
