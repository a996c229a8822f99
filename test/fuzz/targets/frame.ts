/** Targets of the room `frame`: what travels and is stored as signed bytes. */

import { orThrow } from '../../../src/base/failure.ts'
import type { Hlc } from '../../../src/base/ids.ts'
import { concatBytes, equalBytes } from '../../../src/bytes/compare.ts'
import { formatBase64url, parseBase64url, parseHex } from '../../../src/bytes/text.ts'
import { formatAddress, parseAddress } from '../../../src/frame/address.ts'
import { extendAuthority, mayWrite, readAuthority } from '../../../src/frame/authority.ts'
import { decodeControl, encodeControl } from '../../../src/frame/control.ts'
import {
  decodeFrame,
  encodeFrame,
  type Frame,
  stubOf,
  wholeSections,
} from '../../../src/frame/frame.ts'
import { readGenesis } from '../../../src/frame/genesis.ts'
import type { ControlOperation } from '../../../src/frame/operations.ts'
import {
  createReceipt,
  decodeReceipt,
  encodeReceipt,
  verifyReceipt,
} from '../../../src/frame/receipt.ts'
import { decodeRun, decodeRunHeader, encodeRun } from '../../../src/frame/run.ts'
import {
  encodeRunFileEntry,
  encodeRunFileStart,
  RUN_FILE_MAGIC,
  readRunFile,
} from '../../../src/frame/run-file.ts'
import { decodeSeal, encodeSeal, verifySeal } from '../../../src/frame/seal.ts'
import { AUTHOR, RECOVERY, ROOT, STRANGER } from '../../unit/frame-fixtures.ts'
import {
  bytesOf,
  createSignedSet,
  mustBeCanonical,
  mustHold,
  type Target,
  textOf,
} from '../target.ts'
import type { World } from '../world.ts'

const frame: Target = {
  name: 'frame',
  reaches: ['frame/frame.ts decodeFrame'],
  seeds: ({ frames }) => frames.map(encodeFrame),
  decoder: ({ frames }) => {
    const signed = createSignedSet(frames.map((it) => encodeFrame(stubOf(it))))
    return (input) => {
      const decoded = orThrow(decodeFrame(input))
      mustBeCanonical(encodeFrame(decoded), input)
      signed.mustHave(encodeFrame(stubOf(decoded)), 'a header')
      return `${decoded.kind} ${decoded.sections?.length}`
    }
  },
}

const run: Target = {
  name: 'run',
  reaches: ['frame/run.ts decodeRunHeader', 'frame/run.ts decodeRun', 'frame/run.ts openingOf'],
  seeds: ({ runs, shard }) => [...runs.map(encodeRun), ...shard.encodedRuns],
  decoder(world) {
    const chain = orThrow(readAuthority([world.genesis.frame]))
    const shard = world.shard.writer.shard
    const all = [...world.runs, ...world.shard.runs]
    const signed = createSignedSet(all.map(({ seal }) => encodeSeal(seal)))
    const checksums = createSignedSet(all.flatMap(({ frames }) => frames.map((it) => it.checksum)))
    return (input) => {
      const header = orThrow(decodeRunHeader(input))
      const right = equalBytes(header.shard, shard.id) ? shard.mayWrite : mayWrite(chain)
      const decoded = orThrow(decodeRun(input, right))
      mustBeCanonical(encodeRun(decoded), input)
      signed.mustHave(encodeSeal(decoded.seal), 'a seal')
      for (const it of decoded.frames) checksums.mustHave(it.checksum, 'a frame')
      return `${decoded.frames.length} frames`
    }
  },
}

const runFile: Target = {
  name: 'run file',
  reaches: ['frame/run-file.ts readRunFile'],
  seeds: (world) => [runFileOf(world)],
  decoder(world) {
    const signed = createSignedSet(world.runs.map(({ seal: it }) => encodeSeal(it)))
    return (input) => {
      const { authority: read, runs } = orThrow(readRunFile(input))
      for (const it of runs) signed.mustHave(encodeSeal(it.seal), 'a seal')
      mustHold(equalBytes(read.genesis.shard, world.genesis.shard), 'it is about its shard')
      return `${read.terms.length} terms, ${runs.length} runs`
    }
  },
}

function runFileOf({ genesis, handOver, runs }: World): Uint8Array {
  const heir = runs.filter(({ seal: it }) => it.epoch === handOver.epoch)
  return concatBytes(
    RUN_FILE_MAGIC,
    encodeRunFileStart(genesis.shard, [genesis.frame, handOver]),
    ...runs.slice(0, 1).map(encodeRunFileEntry),
    ...heir.map(encodeRunFileEntry),
  )
}

const seal: Target = {
  name: 'seal',
  reaches: ['frame/seal.ts decodeSeal'],
  seeds: ({ runs }) => runs.map((it) => encodeSeal(it.seal)),
  decoder: ({ runs }) => {
    const signed = createSignedSet(runs.map((it) => encodeSeal(it.seal)))
    return (input) => {
      const decoded = orThrow(decodeSeal(input))
      mustBeCanonical(encodeSeal(decoded), input)
      if (!verifySeal(decoded)) return 'unsigned'
      signed.mustHave(input, 'a seal')
      return 'signed'
    }
  },
}

function receiptsOf({ runs }: World): Promise<readonly Uint8Array[]> {
  const flags = { durable: true, archived: false, fork: true }
  return Promise.all(
    runs.map(async ({ seal: { shard, author, epoch, seq, checksum } }) =>
      encodeReceipt(
        await createReceipt(STRANGER, {
          shard,
          author,
          epoch,
          seq,
          checksum,
          hlc: 9n as Hlc,
          flags,
        }),
      ),
    ),
  )
}

const receipt: Target = {
  name: 'receipt',
  reaches: ['frame/receipt.ts decodeReceipt'],
  seeds: receiptsOf,
  async decoder(world) {
    const signed = createSignedSet(await receiptsOf(world))
    return (input) => {
      const decoded = orThrow(decodeReceipt(input))
      mustBeCanonical(encodeReceipt(decoded), input)
      if (!verifyReceipt(decoded)) return 'unsigned'
      signed.mustHave(input, 'a receipt')
      return 'signed'
    }
  },
}

const KEY = AUTHOR.publicKey
const SIGNATURE = new Uint8Array(64).fill(0x77)
const ROSTER = {
  fault: 'byzantine',
  members: [
    { publicKey: new Uint8Array(32).fill(1), lastingKey: undefined },
    { publicKey: new Uint8Array(32).fill(2), lastingKey: new Uint8Array(1952).fill(4) },
  ],
} as const
const GRANT = {
  key: KEY,
  role: 'writer',
  scope: 'notes',
  expiry: 123n,
  signer: RECOVERY.publicKey,
  signature: SIGNATURE,
} as const

/** Operations that no driver makes yet; genesis and hand-over come out of real frames. */
const OPERATIONS: readonly ControlOperation[] = [
  { op: 'enrol', author: KEY, grant: GRANT, encryptionKey: new Uint8Array(32) },
  { op: 'grant', ...GRANT, expiry: undefined },
  { op: 'rekey', generation: 2n, keys: [{ recipient: KEY, wrapped: new Uint8Array(48) }] },
  { op: 'erase', checksum: ROOT, section: 3 },
  { op: 'import', pageSize: 4096, pageCount: 9, root: ROOT },
  { op: 'roster', roster: ROSTER },
]

const control: Target = {
  name: 'control',
  reaches: ['frame/control.ts decodeControl'],
  seeds: ({ genesis, handOver }) => [
    ...[genesis.frame, handOver].flatMap((it) => wholeSections(it) ?? []),
    ...OPERATIONS.map(encodeControl),
  ],
  decoder: () => (input) => {
    const operation = orThrow(decodeControl(input))
    mustBeCanonical(encodeControl(operation), input)
    return operation.op
  },
}

/** Genesis and hand-overs as frames whose own checksums fit: what a stranger can make. */
const authority: Target = {
  name: 'authority',
  reaches: [],
  seeds: ({ genesis, handOver }) => [
    ...[genesis.frame, handOver].flatMap((it) => wholeSections(it) ?? []),
  ],
  decoder(world) {
    const known = orThrow(readAuthority([world.genesis.frame], world.genesis.shard))
    const signed = createSignedSet(wholeSections(world.handOver) ?? [])
    return (input) => {
      const withInput = (it: Frame): Frame => rebuilt(it, input)
      const genesis = readGenesis(withInput(world.genesis.frame))
      const extended = extendAuthority(known, withInput(world.handOver))
      if (extended.ok) signed.mustHave(input, 'a hand-over')
      if (genesis.ok) mustHold(genesis.value.shard.byteLength === 32, 'a genesis names its shard')
      if (genesis.ok) return `genesis ${genesis.value.mode}`
      return `hand-over, new ${orThrow(extended).isNew}`
    }
  },
}

function rebuilt(it: Frame, section: Uint8Array): Frame {
  return { ...it, sections: [{ bytes: section }] }
}

const address: Target = {
  name: 'address',
  reaches: ['frame/address.ts parseAddress'],
  seeds: ({ genesis: { shard } }) =>
    [
      formatAddress({ shard, relays: [], secret: undefined }),
      formatAddress({
        shard,
        relays: ['ws://127.0.0.1:8787/', 'wss://relay.example/a?b=c'],
        secret: 'k y',
      }),
    ].map(bytesOf),
  decoder: () => (input) => {
    const parsed = orThrow(parseAddress(textOf(input)))
    const again = orThrow(parseAddress(formatAddress(parsed)))
    mustHold(JSON.stringify(again) === JSON.stringify(parsed), 'an address reads back as it was')
    return `${parsed.relays.length} relays, secret ${parsed.secret !== undefined}`
  },
}

const text: Target = {
  name: 'bytes as text',
  reaches: ['bytes/text.ts parseHex', 'bytes/text.ts parseBase64url'],
  seeds: () => [bytesOf('00ff7f'), bytesOf('AAECA_-w'), bytesOf('ABC')],
  decoder: () => (input) => {
    const given = textOf(input)
    const hex = parseHex(given)
    if (hex.ok) mustHold(hex.value.byteLength * 2 === given.length, 'two digits a byte')
    const base = parseBase64url(given)
    if (base.ok) mustHold(formatBase64url(base.value) === given, 'one text for one byte string')
    orThrow(hex.ok ? hex : base)
    return `hex ${hex.ok}, base64url ${base.ok}`
  },
}

export const frameTargets: readonly Target[] = [
  frame,
  run,
  runFile,
  seal,
  receipt,
  control,
  authority,
  address,
  text,
]
