/** The tables of layout.ts, its constants and encoded bytes agree; no domain string begins another. */

import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import type { Hlc, Seq } from '../../src/base/ids.ts'
import { buildFrame, encodeFrame } from '../../src/frame/frame.ts'
import * as layout from '../../src/frame/layout.ts'
import { createReceipt, encodeReceipt } from '../../src/frame/receipt.ts'
import { encodeRun } from '../../src/frame/run.ts'
import { createSeal, encodeSeal } from '../../src/frame/seal.ts'
import { AUTHOR, framesAfter, genesisOf, sealRun } from './frame-fixtures.ts'

const SRC = new URL('../../src/', import.meta.url)
const source = readFileSync(new URL('frame/layout.ts', SRC), 'utf8')

type Row = { readonly offset: number; readonly size: number; readonly name: string }

/** Rows of the table whose title begins with `title`. */
function tableOf(title: string): readonly Row[] {
  const rows: Row[] = []
  const lines = source.split('\n')
  const start = lines.findIndex((line) => line.startsWith(` *  ${title}`))
  for (const line of lines.slice(start + 2)) {
    const row = /^ \* {2}\| +(\d+) \| +(\d+) \| (\w+)/.exec(line)
    if (row === null) break
    rows.push({ offset: Number(row[1]), size: Number(row[2]), name: row[3] ?? '' })
  }
  return rows
}

function endOf(rows: readonly Row[]): number {
  let end = 0
  for (const { offset, size } of rows) {
    expect(offset).toBe(end)
    end += size
  }
  return end
}

describe('the tables', () => {
  it('have no gap and end where the constants say', () => {
    const frame = tableOf('Frame header')
    expect(endOf(frame)).toBe(layout.FRAME_HEADER_BYTES)
    expect(frame.find(({ name }) => name === 'checksum')?.offset).toBe(layout.FRAME_PREIMAGE_BYTES)
    expect(endOf(tableOf('Seal'))).toBe(layout.SEAL_BYTES)
    expect(endOf(tableOf('Run header'))).toBe(layout.RUN_START_BYTES)
    expect(endOf(tableOf('Receipt'))).toBe(layout.RECEIPT_BYTES)
  })

  it('name where each field of a frame stands', () => {
    const frame = buildFrame({
      kind: 'entry',
      flags: { continues: true },
      shard: new Uint8Array(32).fill(0x11),
      author: new Uint8Array(32).fill(0x22),
      epoch: 0x33n,
      seq: 0x44n as Seq,
      prev: new Uint8Array(32).fill(0x55),
      hlc: 0x66n as Hlc,
      sections: [new Uint8Array(5)],
    })
    const fields = fieldsOf(tableOf('Frame header'), encodeFrame(frame))
    expect(fields).toEqual({
      magic: [0x43, 0x46],
      version: [2],
      suite: [1],
      kind: [3],
      flags: [4],
      shard: [...frame.shard],
      author: [...frame.author],
      epoch: [0, 0, 0, 0, 0, 0, 0, 0x33],
      seq: [0, 0, 0, 0, 0, 0, 0, 0x44],
      prev: [...frame.prev],
      hlc: [0, 0, 0, 0, 0, 0, 0, 0x66],
      payloadBytes: [0, 0, 0, 7],
      payloadDigest: [...frame.payloadDigest],
      checksum: [...frame.checksum],
    })
  })

  it('name where each field of a seal, a run and a receipt stands', async () => {
    const genesis = genesisOf()
    const frames = framesAfter(genesis, genesis.frame, 2)
    const run = await sealRun(genesis, frames, AUTHOR)
    const { seal } = run
    const sealed = fieldsOf(tableOf('Seal'), encodeSeal(seal))
    expect(sealed).toMatchObject({
      shard: [...seal.shard],
      author: [...seal.author],
      checksum: [...seal.checksum],
      root: [...seal.root],
      suite: [1],
      signature: [...seal.signature],
    })
    const start = fieldsOf(tableOf('Run header'), encodeRun(run))
    expect(start).toMatchObject({ version: [1], suite: [1], prev: [...genesis.frame.checksum] })
    expect(start['firstSeq']).toEqual([0, 0, 0, 0, 0, 0, 0, 2])
    const { shard, author, epoch, seq, checksum } = seal
    const flags = { durable: true, archived: false, fork: true }
    const held = { shard, author, epoch, seq, checksum, hlc: 0x77n as Hlc, flags }
    const receipt = await createReceipt(AUTHOR, held)
    const received = fieldsOf(tableOf('Receipt'), encodeReceipt(receipt))
    expect(received).toMatchObject({ flags: [5], hlc: [0, 0, 0, 0, 0, 0, 0, 0x77] })
    expect(received['signature']).toEqual([...receipt.signature])
    expect(await createSeal(AUTHOR, seal)).toEqual(seal)
  })
})

describe('the domain strings', () => {
  it('are none a prefix of another', () => {
    const all = Object.values(layout.DOMAINS)
    for (const one of all) {
      expect(all.filter((other) => other.startsWith(one))).toEqual([one])
      expect(one.startsWith('LBN')).toBe(false)
    }
  })

  it('are all in the registry', () => {
    const registered: readonly string[] = Object.values(layout.DOMAINS)
    const used = new Set<string>()
    for (const path of readdirSync(SRC, { recursive: true }).map(String)) {
      if (!path.endsWith('.ts')) continue
      const text = readFileSync(new URL(path, SRC), 'utf8')
      for (const [, domain] of text.matchAll(/'(constellite [a-z -]+ v\d+)'/g)) {
        used.add(domain ?? '')
      }
    }
    expect(used.size).toBeGreaterThan(10)
    expect([...used].filter((domain) => !registered.includes(domain))).toEqual([])
  })
})

function fieldsOf(rows: readonly Row[], bytes: Uint8Array): Record<string, number[]> {
  return Object.fromEntries(
    rows.map(({ name, offset, size }) => [name, [...bytes.subarray(offset, offset + size)]]),
  )
}
