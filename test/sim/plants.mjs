/** Plants: seven deliberate bugs, each as a change of the sources' text while they are loaded, so that no bug
 *  ships and none is forgotten in a branch.  They are the test of the simulator: it has to find every one, by
 *  the check that is there for it; any other failure is not this bug found.
 *  Keeps: a text that is not there exactly once fails the run, because the bug would not be in place. */

/** @typedef {{ file: string, find: string, replace: string }} Change */

/** @type {Readonly<Record<string, { checks: readonly string[], changes: readonly Change[] }>>} */
export const PLANTS = {
  // A flush is over when it was written: what it covers is sealed, sent and answered before the sync.
  'seal-before-flush': {
    checks: ['durability', 'agreement'],
    changes: [
      {
        file: 'src/wal/flush.ts',
        find: '  if (synced === undefined) {\n    settle(state, written)\n',
        replace:
          '  if (synced !== undefined) synced.catch(() => undefined)\n  {\n    settle(state, written)\n',
      },
    ],
  },
  // The images that repair a torn write in place are passed over.
  'replay-skips-a-record': {
    checks: ['prefix', 'halts ErrCorrupt'],
    changes: [
      {
        file: 'src/shard/recover.ts',
        find: "if (record.file === 'pages') replayImages(pages, record.pages, changed)",
        replace: "if (record.file === 'pages') continue",
      },
    ],
  },
  // The seal of a run is looked at when its pages are in the copy already: a forged one is shown, or is
  // evidence of a fork.
  'apply-before-verify': {
    checks: ['prefix', 'halts ErrForked'],
    changes: [
      {
        file: 'src/frame/run.ts',
        find: 'if (!verifySeal(header.seal)) return refuseSignature(header)\n  const body',
        replace: 'const body',
      },
      {
        file: 'src/replication/ordered-apply.ts',
        find: "if (offer.type === 'ready') await apply(run)",
        replace:
          "if (offer.type === 'ready') {\n        await apply(run)\n        if (!verifySeal(run.seal)) throw noRoom(run)\n      }",
      },
      {
        file: 'src/replication/ordered-apply.ts',
        find: "import { createInbox } from './inbox.ts'\n",
        replace:
          "import { createInbox } from './inbox.ts'\nimport { verifySeal } from '../frame/seal.ts'\n",
      },
    ],
  },
  // The new segment says that the page file holds what is only then written to it.
  'position-before-pages': {
    checks: ['prefix', 'halts ErrCorrupt'],
    changes: [
      {
        file: 'src/shard/checkpoint.ts',
        find: '    await state.pages.checkpoint()\n    await writeLeaves(state)\n',
        replace: '',
      },
      {
        file: 'src/shard/checkpoint.ts',
        find: '    await state.wal.beginSegment(startMarkOf(state))\n',
        replace:
          '    await state.wal.beginSegment(startMarkOf(state))\n    await state.pages.checkpoint()\n    await writeLeaves(state)\n',
      },
    ],
  },
  // A relay opens one shard more than it may.
  'cap-off-by-one': {
    checks: ['memory'],
    changes: [
      {
        file: 'src/relay/catalog.ts',
        find: 'countOpen(context) >= limits.openShardsMax',
        replace: 'countOpen(context) > limits.openShardsMax',
      },
    ],
  },
  // A receipt is believed whoever signed it.
  'receipt-not-verified': {
    checks: ['shared'],
    changes: [
      {
        file: 'src/replication/session.ts',
        find: '  if (!verifyReceipt(receipt)) return false\n',
        replace: '',
      },
    ],
  },
  // A run is taken though it does not lead to the state that its seal names.
  'root-not-checked': {
    checks: ['roots'],
    changes: [
      { file: 'src/shard/apply.ts', find: '  checkRoot(state, run, overlay)\n', replace: '' },
    ],
  },
}

/** The text of a file with a plant in it.
 *  @param {string} name @param {string} path @param {string} text */
export function plantInto(name, path, text) {
  let planted = text
  for (const { file, find, replace } of PLANTS[name]?.changes ?? []) {
    if (!path.endsWith(`/${file}`)) continue
    if (planted.split(find).length !== 2) {
      throw new Error(`the bug ${name} cannot be planted: ${file} does not have its text once`)
    }
    planted = planted.replace(find, () => replace)
  }
  return planted
}
