/** The tables of layout.ts, its constants and encoded bytes agree. */

import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { orThrow } from '../../src/base/failure.ts'
import type { Seq } from '../../src/base/ids.ts'
import { createReader } from '../../src/bytes/reader.ts'
import { encodeFrame, stubOf } from '../../src/frame/frame.ts'
import { FRAME_PAYLOAD_BYTES_MAX, FRAME_STUB_BYTES, SEAL_BYTES } from '../../src/frame/layout.ts'
import { encodeSeal } from '../../src/frame/seal.ts'
import * as layout from '../../src/pages/layout.ts'
import { decodePayload, encodePayloads } from '../../src/pages/payload.ts'
import { createSnapshot } from '../../src/pages/snapshot.ts'
import { createPageTree } from '../../src/pages/tree.ts'
import { genesisOf } from './frame-fixtures.ts'
import { PAGE_SIZE, pageOf } from './pages-fixtures.ts'

const source = readFileSync(new URL('../../src/pages/layout.ts', import.meta.url), 'utf8')

type Row = { readonly offset: number; readonly size: number; readonly name: string }

/** Rows of the table whose title begins with `title`. */
function tableOf(title: string): readonly Row[] {
  const lines = source.split('\n')
  const start = lines.findIndex((line) => line.startsWith(` *  ${title}`))
  const rows: Row[] = []
  for (const line of lines.slice(start + 1)) {
    const row = /^ \* {2}\| +(\d+) +\| +(\d+) +\| (\w+)/.exec(line)
    if (row !== null)
      rows.push({ offset: Number(row[1]), size: Number(row[2]), name: row[3] ?? '' })
    else if (rows.length > 0) break
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

describe('the layout of pages', () => {
  it('has tables without a gap that end where the constants say', () => {
    const header = tableOf('Snapshot, header')
    expect(header.map(({ name }) => name)).toContain('authoritySize')
    expect(endOf(header)).toBe(layout.SNAPSHOT_HEADER_BYTES)
    expect(header.find(({ name }) => name === 'seal')?.size).toBe(SEAL_BYTES)
    expect(endOf(tableOf('Snapshot, chunk'))).toBe(layout.SNAPSHOT_CHUNK_HEADER_BYTES)
  })

  it('is where a snapshot has its fields', async () => {
    const genesis = genesisOf()
    const page = pageOf(1, 1024)
    const tree = createPageTree()
    tree.advance(new Map([[2, page]]), 2, 1024)
    const fill = (byte: number, sizeBytes = 32): Uint8Array => new Uint8Array(sizeBytes).fill(byte)
    const seal = {
      shard: fill(1),
      author: fill(2),
      epoch: 3n,
      seq: 4n as Seq,
      checksum: genesis.frame.checksum,
      root: fill(6),
      signature: fill(7, 64),
    }
    const snapshot = createSnapshot({
      header: {
        shard: fill(1),
        pageSize: 1024,
        pageCount: 2,
        seal,
        head: genesis.frame,
        authority: [genesis.frame],
      },
      leaves: tree.leaves(),
      readPage: (_, target) => target.set(page),
    })
    const bytes = await snapshot.next().then(({ value }) => value as Uint8Array)
    const at = new Map(tableOf('Snapshot, header').map(({ name, offset }) => [name, offset]))
    const field = (name: string, sizeBytes: number): Uint8Array => {
      const offset = at.get(name) as number
      return bytes.subarray(offset, offset + sizeBytes)
    }
    expect(field('magic', 4)).toEqual(new TextEncoder().encode('CSNP'))
    expect(field('version', 1)).toEqual(Uint8Array.of(2))
    expect(field('pageSizeLog2', 1)).toEqual(Uint8Array.of(10))
    expect(field('pageCount', 4)).toEqual(Uint8Array.of(0, 0, 0, 2))
    expect(field('seal', SEAL_BYTES)).toEqual(encodeSeal(seal))
    expect(field('head', FRAME_STUB_BYTES)).toEqual(encodeFrame(stubOf(genesis.frame)))
    const rest = createReader(bytes.subarray(at.get('authoritySize')))
    const authority = createReader(rest.view(rest.u32()))
    expect(authority.varint(9)).toBe(1)
    authority.view(authority.varint(authority.remaining))
    authority.end()
    expect(rest.view(2 * layout.LEAF_BYTES)).toEqual(tree.leaves())
    const chunk = [rest.u8(), rest.u32(), rest.u32(), rest.u32()]
    expect(chunk).toEqual([layout.CODEC_PLAIN, 2, 1024, 1024])
    expect(rest.view(1024)).toEqual(page)
    rest.end()
  })

  it('is where a payload has its fields', () => {
    const image = new Uint8Array(PAGE_SIZE)
    image.set([8, 9], 200)
    const [payload] = encodePayloads({
      changes: new Map([
        [300, image],
        [7, pageOf(1)],
      ]),
      oldImage: (pgno) => (pgno === 300 ? new Uint8Array(PAGE_SIZE) : undefined),
      pageSize: PAGE_SIZE,
      pageCount: 301,
      tables: ['a', 'bc'],
    })
    const head = [9, 0xad, 2, 2, 0, 1, 0x61, 0, 2, 0x62, 0x63, 2]
    const full = [7, layout.ENCODING_FULL, 0x80, 4, ...pageOf(1)]
    const runs = [0xac, 2, layout.ENCODING_RUNS, 5, 0xc8, 1, 2, 8, 9]
    expect([...(payload as Uint8Array)]).toEqual([...head, ...full, ...runs])
    expect(orThrow(decodePayload(payload as Uint8Array, { pageSize: 0 })).pageCount).toBe(301)
  })

  it('leaves room for salt, lengths and encryption beside the largest section of a frame', () => {
    // Salt 16, count 1, length 4, key id 8, nonce 24, tag 16, plain size 4, deflate 5 per 64 KiB.
    const overheadBytes = 16 + 1 + 4 + 8 + 24 + 16 + 4 + 5 * 256
    expect(layout.PAYLOAD_SECTION_BYTES_MAX + overheadBytes).toBeLessThan(FRAME_PAYLOAD_BYTES_MAX)
  })

  it('names the page sizes of SQLite and the page at byte 2^30', () => {
    const sizes = [512, 1024, 2048, 4096, 8192, 16_384, 32_768, 65_536]
    for (const pageSize of sizes) {
      expect(layout.isPageSize(pageSize)).toBe(true)
      expect(2 ** layout.pageSizeToLog2(pageSize)).toBe(pageSize)
      expect((layout.lockBytePgno(pageSize) - 1) * pageSize).toBe(2 ** 30)
    }
    for (const none of [0, 256, 513, 512.5, 131_072]) expect(layout.isPageSize(none)).toBe(false)
  })
})
