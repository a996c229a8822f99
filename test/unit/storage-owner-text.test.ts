/** Who owns a folder is told by text that anything may have written: what is no owner's is nobody's. */

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { type BeatRecord, readBeat } from '../../src/storage/node-heartbeat.ts'
import { formatOwner, parseOwner } from '../../src/storage/owner-text.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'

it('reads back as it was written', () => {
  const owner = { who: 'a "tab"', sinceMs: 1_700_000_000_000 }
  expect(parseOwner(formatOwner(owner))).toEqual(owner)
})

it.each(['', 'x', 'null', '[]', '{"who":1,"since":2}', '{"who":"a"}', '{"who":"a","since":1e300}'])(
  'of %j is nobody’s',
  (text) => expect(parseOwner(text)).toBeUndefined(),
)

it('in a heartbeat file since a time that no date has is a file half written', () => {
  const directory = temporaryDirectory()
  const self = { realm: '', hasAddress: true, pid: 1, process: '', nonce: '' }
  const record: BeatRecord = { ...self, who: 'a', since: 1e300 }
  writeFileSync(join(directory, 'owner'), JSON.stringify(record))
  expect(readBeat(directory)?.record).toBeUndefined()
  writeFileSync(join(directory, 'owner'), JSON.stringify({ ...record, since: 5 }))
  expect(readBeat(directory)?.record).toMatchObject({ who: 'a', since: 5 })
})
