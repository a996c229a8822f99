import { describe, expect, it } from 'vitest'
import { checkDurable, checkQuiet, checkSame, checkShared } from '../kill/checks.ts'
import type { Record } from '../kill/cluster.ts'
import type { Seen } from '../kill/programs/workload.ts'
import { runRounds } from '../kill/rounds.ts'

const seen: Seen = { seq: '9', ok: true, root: 'a', sha256: 'b', batches: [1, 2, 3], torn: '' }
const record: Record = {
  acknowledged: new Set([1, 2]),
  shared: new Set([1]),
  sharedSeq: '4',
  problems: [],
}

describe('the checks after a round of killing', () => {
  it('pass where a copy holds all that was promised, and more', () => {
    checkDurable('a', seen, record)
    checkShared('a', seen, record)
    checkSame('a', seen, seen)
    checkQuiet(record)
  })

  it('find an acknowledged or shared batch that is lost, by number', () => {
    const without = { ...seen, batches: [2, 3] }
    expect(() => checkDurable('a', without, record)).toThrow('1 of 2 acknowledged batches')
    expect(() => checkShared('a', without, record)).toThrow('the first: 1')
    checkShared('a', { ...seen, batches: [1] }, record)
  })

  it('find a commit in part, and a history that does not verify', () => {
    expect(() => checkDurable('a', { ...seen, torn: 'half' }, record)).toThrow('half')
    expect(() => checkShared('a', { ...seen, ok: false }, record)).toThrow('verify()')
    expect(() => checkSame('a', { ...seen, torn: 'half' }, seen)).toThrow('half')
  })

  it.each(['seq', 'root', 'sha256'] as const)('find another %s', (what) => {
    expect(() => checkSame('a', { ...seen, [what]: '7' }, seen)).toThrow(what)
  })

  it('find what anybody reported', () => {
    expect(() => checkQuiet({ ...record, problems: ['it halted'] })).toThrow('it halted')
  })
})

describe('rounds', () => {
  it('count what failed, go on with a new life, and name the rerun from its first round', async () => {
    const { lines, said } = listen()
    let ends = 0
    const rounds = {
      life: 5,
      run: async (round: number): Promise<string> => {
        if (round === 8) throw new Error('lost')
        return 'fine'
      },
      end: async (): Promise<void> => {
        ends++
      },
    }
    const tally = await runRounds(rounds, { part: 'processes', seed: 3, from: 1, to: 10 }, said)
    expect(tally).toMatchObject({ passed: 9, failed: 1 })
    expect(lines.join('\n')).toContain('processes --seed 3 --from 6 --rounds 3')
    expect(lines.at(-1)).toBe('9 passed, 1 failed, 0 skipped')
    expect(ends).toBeGreaterThanOrEqual(3)
  })
})

function listen(): { readonly lines: string[]; readonly said: (line: string) => void } {
  const lines: string[] = []
  return { lines, said: (line) => void lines.push(line) }
}
