/** Run file: what a superseded writer keeps reads back and verifies with nothing else, and not when anything
 *  in it was changed. */

import { beforeAll, describe, expect, it } from 'vitest'
import { concatBytes } from '../../src/bytes/compare.ts'
import {
  encodeRunFileEntry,
  encodeRunFileStart,
  RUN_FILE_MAGIC,
  readRunFile,
} from '../../src/frame/run-file.ts'
import type { Shard } from '../../src/shard/shard.ts'
import { commit, openWriter, runsOf } from './shard-fixtures.ts'

let shard: Shard
let bytes: Uint8Array

beforeAll(async () => {
  shard = (await openWriter()).shard
  await commit(shard, { 1: 1 })
  const runs = await runsOf(shard, 2n)
  await commit(shard, { 1: 2 })
  runs.push(...(await runsOf(shard, 3n)))
  const start = encodeRunFileStart(shard.id, shard.authority)
  bytes = concatBytes(RUN_FILE_MAGIC, start, ...runs.map(encodeRunFileEntry))
})

describe('a run file', () => {
  it('has the layout of its table', () => {
    expect(new TextDecoder().decode(bytes.subarray(0, 4))).toBe('CRUN')
    expect(bytes[4]).toBe(1)
    expect(bytes.subarray(5, 37)).toEqual(shard.id)
    expect(bytes[37]).toBe(shard.authority.length)
  })

  it('reads back the authority and every frame', () => {
    const file = readRunFile(bytes)
    if (!file.ok) throw file.failure
    expect(file.value.authority.genesis.shard).toEqual(shard.id)
    expect(file.value.runs.map(({ firstSeq, seal }) => [firstSeq, seal.seq])).toEqual([
      [2n, 2n],
      [3n, 3n],
    ])
    expect(file.value.runs[1]?.seal.checksum).toEqual(shard.head.checksum)
  })

  it('is refused at any changed byte, and cut short anywhere but between two runs', () => {
    const accepted: number[] = []
    for (let at = 0; at < bytes.length; at++) {
      const damaged = bytes.slice()
      damaged[at] = (damaged[at] as number) ^ 1
      if (readRunFile(damaged).ok) accepted.push(at)
    }
    expect(accepted).toEqual([])
    const whole: number[] = []
    for (let size = 0; size < bytes.length; size++) {
      if (readRunFile(bytes.subarray(0, size)).ok) whole.push(size)
    }
    expect(whole.length).toBe(2)
  })
})
