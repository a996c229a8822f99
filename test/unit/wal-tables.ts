/** The tables in the headers of the log's sources, for the tests that compare them with the bytes. */

import { readFileSync } from 'node:fs'
import { expect } from 'vitest'

export type Row = { readonly offset: number; readonly size: number; readonly name: string }

/** Rows of the table that follows `title` in the header of a source file. */
export function tableOf(file: string, title: string): readonly Row[] {
  const text = readFileSync(new URL(`../../src/wal/${file}`, import.meta.url), 'utf8')
  const lines = text.slice(text.indexOf(title)).split('\n').slice(1)
  const rows: Row[] = []
  for (const line of lines.filter((it) => it.startsWith(' *  |') || it.startsWith(' *'))) {
    const cells = line.split('|').map((cell) => cell.trim())
    if (cells[1] === undefined || (rows.length > 0 && cells.length < 4)) break
    if (!/^\d+$/.test(cells[1] ?? '')) continue
    rows.push({ offset: Number(cells[1]), size: Number(cells[2]), name: cells[3] ?? '' })
  }
  return rows
}

export function expectUnbroken(rows: readonly Row[], sizeBytes: number): void {
  let at = 0
  for (const row of rows) {
    expect(row.offset, row.name).toBe(at)
    at += row.size
  }
  expect(at).toBe(sizeBytes)
}

export function at(rows: readonly Row[], name: string): number {
  const row = rows.find((it) => it.name === name)
  if (row === undefined) throw new Error(`the table has no ${name}`)
  return row.offset
}
