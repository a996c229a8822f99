/** The page store equals a model that keeps every version whole, whatever is committed, cut, grown,
 *  pinned, checkpointed (also at an older version, also failing) and reopened. */

import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { Version } from '../../src/pages/store.ts'
import {
  createTestFile,
  expectPages,
  fileAsModel,
  type Model,
  openStore,
  PAGE_SIZE,
  pageOf,
  readAll,
  transact,
  transactions,
} from './pages-fixtures.ts'

const steps = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.record({ do: fc.constant('commit' as const), transactions }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('pin' as const) }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('unpin' as const), which: fc.nat() }) },
    {
      weight: 2,
      arbitrary: fc.record({
        do: fc.constant('checkpoint' as const),
        which: fc.option(fc.nat()),
        during: fc.array(transactions, { maxLength: 3 }),
        fails: fc.boolean(),
      }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('reopen' as const) }) },
  ),
  { maxLength: 40, size: 'max' },
)

it('equals a model that keeps every version whole', async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (history) => {
      const file = createTestFile(pageOf(99, 3 * PAGE_SIZE))
      let store = openStore(file, 0)
      let model: Model = []
      let checkpointed: Version = 0
      const pinned = new Map<Version, { model: Model; count: number }>()
      const transactOn = (transaction: Parameters<typeof transact>[1]): void => {
        const { changes, next } = transact(model, transaction)
        store.commit(changes, next.length, PAGE_SIZE)
        model = next
      }
      const checkAll = (): void => {
        expectPages(readAll(store, store.version), model)
        for (const [version, pin] of pinned) expectPages(readAll(store, version), pin.model)
        expectPages(
          model.map((_, index) => store.image(index + 1)),
          model,
        )
      }
      const versionAt = (which: number | null): Version | undefined => {
        const usable = [...pinned.keys()].filter((version) => version >= checkpointed)
        return which === null ? undefined : usable[which % Math.max(1, usable.length)]
      }
      for (const step of history) {
        if (step.do === 'commit') transactOn(step.transactions)
        else if (step.do === 'pin') {
          const version = store.pin()
          pinned.set(version, { model, count: (pinned.get(version)?.count ?? 0) + 1 })
        } else if (step.do === 'unpin') {
          const version = [...pinned.keys()][step.which % Math.max(1, pinned.size)]
          if (version === undefined) continue
          store.unpin(version)
          const pin = pinned.get(version) as { model: Model; count: number }
          if (pin.count === 1) pinned.delete(version)
          else pinned.set(version, { ...pin, count: pin.count - 1 })
        } else if (step.do === 'checkpoint') {
          const at = versionAt(step.which)
          const expected = (at === undefined ? undefined : pinned.get(at)?.model) ?? model
          const atVersion = at ?? store.version
          const dirtyBefore = store.dirtyPages(at)
          const dirtyImages = dirtyBefore.map((pgno) => expected[pgno - 1])
          let written: Model = []
          file.onSync = async () => {
            written = fileAsModel(file, expected.length)
            for (const transaction of step.during) transactOn(transaction)
            checkAll()
            if (step.fails) throw new Error('the flush failed')
          }
          const outcome = store.checkpoint(at).then(
            () => 'done',
            () => 'failed',
          )
          expect(await outcome).toBe(step.fails ? 'failed' : 'done')
          expectPages(written, expected)
          expect(dirtyImages.every((image) => image !== undefined)).toBe(true)
          checkpointed = atVersion
          if (!step.fails && step.during.length === 0 && at === undefined) {
            expect(store.dirtyPages()).toEqual([])
            expect(store.dirtyBytes).toBe(0)
          }
        } else {
          file.onSync = () => {}
          await store.checkpoint()
          // What a crash left beyond the count must stay out of sight.
          file.write(model.length * PAGE_SIZE, pageOf(7, 2 * PAGE_SIZE))
          store = openStore(file, model.length)
          pinned.clear()
          checkpointed = 0
        }
        checkAll()
      }
    }),
    { numRuns: 200 },
  )
})
