/** Recovery, decided from bytes alone: damage below the flushed mark is refused, a torn tail is not, and
 *  no image of a log makes it crash, hang or answer what was never staged. */
import { describe, expect, it } from 'vitest'
import { isFailure } from '../../src/base/failure.ts'
import { createRandom } from '../../src/testing/random.ts'
import { finishGroup, generationSeed, placeGroup } from '../../src/wal/group.ts'
import { FILE_HEADER_BYTES, GROUP_HEADER_BYTES, groupBytes } from '../../src/wal/layout.ts'
import { findSegmentHeader } from '../../src/wal/segment-header.ts'
import { openWal } from '../../src/wal/wal.ts'
import { createStorage, START, seqs } from './wal-chain.ts'
import {
  framesOf,
  groupsOf,
  type Image,
  logOf,
  only,
  recover,
  recovered,
  segmentsOf,
} from './wal-image.ts'

describe('a changed byte', () => {
  it('in a group that was flushed refuses to open, and repair keeps the frames before it', async () => {
    const { image, chain } = await logOf(6)
    const bytes = only(image)
    const starts = groupsOf(bytes)
    expect(starts).toHaveLength(7)
    const last = starts[6] ?? 0
    for (let at = FILE_HEADER_BYTES; at < last; at += 7) {
      const changed = bytes.slice()
      changed[at] = (changed[at] ?? 0) ^ 0x10
      const result = recover(new Map([['log-0', changed]]))
      expect(result.ok ? 'opened' : result.failure.code, `byte ${at}`).toBe('ErrCorrupt')
      const repaired = recover(new Map([['log-0', changed]]), true)
      const group = starts.filter((start) => start <= at).length - 1
      // Without a start mark there is nothing to go on from.
      if (group === 0) expect(repaired).toEqual({ ok: true, value: undefined })
      else if (!repaired.ok || repaired.value === undefined)
        throw new Error('repair keeps a prefix')
      else {
        expect(framesOf(repaired.value)).toEqual(chain.frames.slice(0, group - 1))
        expect(repaired.value.repairedGroup).toBe(BigInt(group + 1))
      }
    }
  })

  it('in the last group, which nobody knew flushed, is a torn tail', async () => {
    const { image, chain } = await logOf(3)
    const bytes = only(image)
    const last = groupsOf(bytes)[3] ?? 0
    const lastEnd = last + (placeGroup(bytes, last)?.endAt ?? 0) - last
    for (let at = last; at < lastEnd; at++) {
      const changed = bytes.slice()
      changed[at] = (changed[at] ?? 0) ^ 0x01
      const log = recovered(new Map([['log-0', changed]]))
      expect(framesOf(log)).toEqual(chain.frames.slice(0, 2))
      expect(log.closedAt).toBeUndefined()
      // A header that still names the group tells where its write would have ended.
      if (at >= last + GROUP_HEADER_BYTES) expect(log.tornBytes).toBe(lastEnd - last)
    }
  })

  it('in a header refuses to open', async () => {
    const { image } = await logOf(2)
    const changed = only(image).slice()
    changed[9] = (changed[9] ?? 0) ^ 1
    expect(recover(new Map([['log-0', changed]]))).toMatchObject({
      failure: { code: 'ErrCorrupt', retry: 'after-repair' },
    })
  })
})

describe('the end of the log', () => {
  it('is where zeros or what an earlier use of the file left begin', async () => {
    const { image } = await logOf(4)
    const old = only(image)
    const other = await logOf(1, 2)
    const bytes = only(other.image).slice()
    const end = groupsOf(bytes).at(-1) ?? 0
    const endAt = placeGroup(bytes, end)?.endAt ?? 0
    // Numbers run on, so what an earlier use left has lower ones.
    const from = groupsOf(old)[1] ?? 0
    for (const left of [new Uint8Array(400), old.subarray(from, from + 400)]) {
      bytes.set(left, endAt)
      const log = recovered(new Map([['log-0', bytes]]))
      expect(seqs(framesOf(log))).toEqual([1])
      expect(log.tornBytes).toBe(0)
    }
  })

  it('is where a stale owner wrote after a newer one', async () => {
    const { image, chain } = await logOf(3)
    const bytes = only(image)
    const starts = groupsOf(bytes)
    const found = findSegmentHeader(bytes)
    if (found.type !== 'segment') throw new Error('a segment begins with a header')
    const seed = generationSeed(found.header.generation)
    // The second frame becomes the newer owner's, the third stays with the older one.
    rewrite(bytes, starts[2] ?? 0, { owner: 2, seed })
    expect(framesOf(recovered(new Map([['log-0', bytes]])))).toEqual(chain.frames.slice(0, 2))
    // Where the stale owner believes that its own group was flushed, nobody else says so.
    rewrite(bytes, starts[3] ?? 0, { owner: 1, seed })
    expect(seqs(framesOf(recovered(new Map([['log-0', bytes]]))))).toEqual([1, 2])
    rewrite(bytes, starts[3] ?? 0, { owner: 2, seed })
    expect(seqs(framesOf(recovered(new Map([['log-0', bytes]]))))).toEqual([1, 2, 3])
  })

  it('is not moved by thousands of forged group headers, which cost bounded work', async () => {
    const { image } = await logOf(2)
    const bytes = new Uint8Array(400_000)
    const whole = only(image)
    const endAt = placeGroup(whole, groupsOf(whole).at(-1) ?? 0)?.endAt ?? 0
    bytes.set(whole.subarray(0, endAt))
    const forged = new DataView(bytes.buffer)
    for (let at = endAt; at + 64 < bytes.byteLength; at += 32) {
      forged.setUint16(at, 0x4347)
      forged.setUint32(at + 4, bytes.byteLength - at - 64)
      forged.setBigUint64(at + 8, 1000n)
      forged.setBigUint64(at + 16, 999n)
      forged.setUint32(at + 24, 9)
    }
    const result = recover(new Map([['log-0', bytes]]))
    expect(result).toMatchObject({ ok: false, failure: { code: 'ErrCorrupt' } })
    expect(seqs(framesOf(recovered(new Map([['log-0', bytes]]), true)))).toEqual([1, 2])
  })
})

/** Gives the group at `at` another owner, as if it had been written so. */
function rewrite(bytes: Uint8Array, at: number, to: { owner: number; seed: number }): void {
  const group = placeGroup(bytes, at)
  if (group === undefined) throw new Error('there is a group')
  const whole = bytes.subarray(at, at + groupBytes(group.bodyBytes))
  finishGroup(whole, { ...group, owner: to.owner }, to.seed)
}

describe('files', () => {
  it('without a whole first group are unused when they are newest, and nothing else is', async () => {
    const { image, chain } = await segmentsOf()
    const names = [...image.keys()]
    expect(names).toHaveLength(3)
    // The names are those in the map.
    const bytes = image.get('log-2') as Uint8Array
    const second = groupsOf(bytes)[1] ?? 0
    bytes.fill(0xee, FILE_HEADER_BYTES, FILE_HEADER_BYTES + 40)
    const torn = new Map(image).set('log-2', bytes.slice(0, second))
    expect(seqs(framesOf(recovered(torn)))).toEqual([5, 6, 7, 8])
    expect(recovered(torn).spare).toEqual(['log-2'])
    // The third group of that file knew the first flushed, so there it is damage.
    expect(recover(image)).toMatchObject({ failure: { code: 'ErrCorrupt' } })
    expect(chain.frames).toHaveLength(9)
  })

  it('that a holder still needs are missed when they are gone', async () => {
    const { image } = await segmentsOf()
    expect(recovered(image).segments).toHaveLength(3)
    for (const name of ['log-0', 'log-1']) {
      const less = new Map(image)
      less.delete(name)
      expect(recover(less), name).toMatchObject({ failure: { code: 'ErrCorrupt' } })
    }
    const repaired = new Map(image)
    repaired.delete('log-0')
    expect(seqs(framesOf(recovered(repaired, true)))).toEqual([9])
  })

  it('that are large although no segment has a beginning are not taken for none', () => {
    expect(recover(new Map())).toEqual({ ok: true, value: undefined })
    expect(recover(new Map([['log-0', new Uint8Array(4096)]]))).toEqual({
      ok: true,
      value: undefined,
    })
    const large = new Map([['log-0', new Uint8Array(2_000_000)]])
    expect(recover(large)).toMatchObject({ failure: { code: 'ErrCorrupt' } })
  })
})

describe('any image of a log', () => {
  it('is either a prefix of what was staged or refused, with and without repair (150 seeds)', async () => {
    const { image, chain } = await segmentsOf()
    for (let seed = 1; seed <= 150; seed++) {
      const random = createRandom(seed)
      const changed: Image = new Map([...image].map(([name, bytes]) => [name, bytes.slice()]))
      for (let changes = random.below(4); changes >= 0; changes--) {
        // The name is one of the map's.
        const bytes = changed.get(random.pick([...changed.keys()])) as Uint8Array
        const at = random.below(Math.min(bytes.byteLength, 2200))
        const length = random.pick([1, 1, 4, 8, 32, 512])
        const kind = random.below(3)
        if (kind === 0) bytes.copyWithin(at, random.below(2200), 2200)
        else if (kind === 1) bytes.fill(random.pick([0, 0xff]), at, at + length)
        else bytes.set(random.bytes(length).subarray(0, bytes.byteLength - at), at)
      }
      for (const repair of [false, true]) {
        const result = recover(changed, repair)
        if (!result.ok) {
          expect(result.failure.code, `seed ${seed}`).toBe('ErrCorrupt')
          continue
        }
        if (result.value === undefined) continue
        const base = Number(result.value.mark.position.seq)
        const frames = framesOf(result.value)
        expect(frames, `seed ${seed}`).toEqual(chain.frames.slice(base, base + frames.length))
        // Without a word only what nothing that can be read knows to have been flushed may be lost: the
        // newest segment, where the change hit all its groups after the first bad one.
        if (!repair) expect(base + frames.length, `seed ${seed}`).toBeGreaterThanOrEqual(8)
      }
    }
  })

  it('that repair opened goes on, and opens again without repair', async () => {
    const { image, chain } = await logOf(6)
    const bytes = only(image)
    const at = groupsOf(bytes)[4] ?? 0
    bytes.fill(0x55, at + 20, at + 30)
    const storage = createStorage()
    const device = await storage.open()
    const [file] = await device.open(['log-0'])
    file?.write(0, bytes)
    const { host } = storage
    const refused = await openWal({ host, device: await storage.open() }).catch((error) => error)
    expect(isFailure(refused, 'ErrCorrupt')).toBe(true)
    const options = { repair: true }
    const opened = await openWal({ host, device: await storage.open(), options })
    expect(opened?.recovery.position.seq).toBe(3n)
    expect(opened?.recovery.repairedGroup).toBe(5n)
    const head = opened?.recovery.position ?? START
    chain.rewind(head)
    opened?.wal.stage({ type: 'frames', frames: [chain.add(9)] })
    await opened?.wal.flush()
    const again = await openWal({ host, device: await storage.open() })
    expect(again?.recovery.position.seq).toBe(4n)
    expect(again?.recovery.repairedGroup).toBeUndefined()
  })
})
