import { describe, expect, it } from 'vitest'
import { createTaskQueue, type Task, type TaskKind } from '../../src/database/tasks.ts'
import { createRandom } from '../../src/testing/random.ts'

function task(kind: TaskKind, label: string, transaction?: number): Task & { label: string } {
  return {
    kind,
    label,
    transaction,
    caller: 1,
    sizeBytes: 0,
    work: () => undefined,
    settle: () => undefined,
  }
}

const labelOf = (taken: Task | undefined): string | undefined =>
  (taken as { label: string } | undefined)?.label

describe('the line of calls', () => {
  it('is first come first served while no transaction is open', () => {
    const queue = createTaskQueue()
    for (const [kind, label] of [
      ['write', 'a'],
      ['read', 'b'],
      ['begin', 'c'],
    ] as const) {
      queue.push(task(kind, label))
    }
    expect([1, 2, 3, 4].map(() => labelOf(queue.next(undefined)))).toEqual([
      'a',
      'b',
      'c',
      undefined,
    ])
  })

  it('lets the transaction’s own calls first, then reads; the rest waits in order', () => {
    const queue = createTaskQueue()
    queue.push(task('write', 'write 1'))
    queue.push(task('read', 'read 1'))
    queue.push(task('begin', 'begin'))
    queue.push(task('read', 'read 2'))
    queue.push(task('write', 'inside', 7))
    const taken = [1, 2, 3, 4].map(() => labelOf(queue.next(7)))
    expect(taken).toEqual(['inside', 'read 1', 'read 2', undefined])
    expect([1, 2, 3].map(() => labelOf(queue.next(undefined)))).toEqual([
      'write 1',
      'begin',
      undefined,
    ])
  })

  it('refuses instead of growing past its limit', () => {
    const queue = createTaskQueue(2)
    queue.push(task('write', 'a'))
    queue.push(task('write', 'b', 1))
    expect(() => queue.push(task('read', 'c'))).toThrow(/2 calls are waiting/)
    queue.next(undefined)
    queue.push(task('read', 'c'))
    expect(queue.size).toBe(2)
  })

  it('agrees with a plain list, whatever is pushed, taken and removed', () => {
    for (let seed = 1; seed <= 20; seed++) {
      const random = createRandom(seed)
      const queue = createTaskQueue()
      let model: (Task & { label: string })[] = []
      for (let step = 0; step < 3000; step++) {
        const open = random.chance(0.4) ? 1 : undefined
        const choice = random.below(10)
        if (choice < 5) {
          const kind = random.pick(['write', 'read', 'begin', 'alone'] as const)
          const added = task(kind, `${step}`, random.chance(0.2) ? 1 : undefined)
          queue.push(added)
          model.push(added)
        } else if (choice < 9) {
          const expected =
            open === undefined
              ? model.find((it) => it.transaction === undefined)
              : (model.find((it) => it.transaction === open) ??
                model.find((it) => it.transaction === undefined && it.kind === 'read'))
          expect(labelOf(queue.next(open)), `seed ${seed}, step ${step}`).toBe(expected?.label)
          model = model.filter((it) => it !== expected)
        } else if (model.length > 0) {
          const removed = random.pick(model)
          expect(queue.remove(removed)).toBe(true)
          expect(queue.remove(removed)).toBe(false)
          model = model.filter((it) => it !== removed)
        }
        expect(queue.size).toBe(model.length)
      }
    }
  })
})
