/** Targets of what lies beside a database or is typed by somebody: lock and key files, the owner's answer,
 *  SQLite files to import, lists of keys, options of the program. */

import { mkdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { orThrow } from '../../../src/base/failure.ts'
import { concatBytes } from '../../../src/bytes/compare.ts'
import { parseNumber, parseOptions, parseSize } from '../../../src/cli/command.ts'
import { createNodeKey } from '../../../src/crypto/signer-node.ts'
import { readFileHeader } from '../../../src/database/file-header.ts'
import { sourceOfBytes } from '../../../src/database/files.ts'
import { checkFile } from '../../../src/database/import-file.ts'
import { follow } from '../../../src/database/options.ts'
import { checkRelays, formatAddress } from '../../../src/frame/address.ts'
import { createNodeKeyStore } from '../../../src/identity/key-store-node.ts'
import { createNodeHost } from '../../../src/platform/host-node.ts'
import { parseAllowList } from '../../../src/relay/allow.ts'
import { createEngine } from '../../../src/sqlite/engine.ts'
import { loadSqliteNode } from '../../../src/sqlite/load-node.ts'
import { inUseFailure } from '../../../src/storage/failures.ts'
import { type BeatRecord, readBeat } from '../../../src/storage/node-heartbeat.ts'
import { askOwner } from '../../../src/storage/node-owner-address.ts'
import { formatOwner, parseOwner } from '../../../src/storage/owner-text.ts'
import { createManualHost } from '../../../src/testing/manual-host.ts'
import { websocket } from '../../../src/transport/websocket.ts'
import { bytesOf, mustHold, refused, type Target, textOf } from '../target.ts'

const BEAT: BeatRecord = {
  who: 'node 7',
  since: 1_700_000_000_000,
  realm: 'boot net:[1]',
  hasAddress: true,
  pid: 7,
  process: '7 1',
  nonce: '00ff',
}

const heartbeat: Target = {
  name: 'heartbeat file',
  reaches: ['storage/node-heartbeat.ts readBeat'],
  seeds: () => [bytesOf(JSON.stringify(BEAT)), bytesOf('{}'), bytesOf('null'), bytesOf('[1]')],
  testRuns: 1000,
  decoder: ({ folder }) => {
    const directory = join(folder, 'beat')
    mkdirSync(directory, { recursive: true })
    return (input) => {
      writeFileSync(join(directory, 'owner'), input)
      const found = readBeat(directory)
      mustHold(found !== undefined, 'the file is there')
      const record = found?.record
      if (record === undefined) throw refused('no record')
      mustHold(typeof record.who === 'string' && typeof record.pid === 'number', 'its fields fit')
      return inUseFailure('notes', { who: record.who, sinceMs: record.since }).code
    }
  },
}

/** A socket that answers whatever it likes. */
const ownerAnswer: Target = {
  name: 'owner answer',
  reaches: ['storage/node-owner-address.ts askOwner'],
  seeds: () => [bytesOf(`${JSON.stringify({ who: 'node 7', since: 5 })}\n`), bytesOf('null\n')],
  testRuns: 200,
  allocatesBytesMax: 4 * 1_048_576,
  async decoder({ folder }) {
    let answer: Uint8Array = new Uint8Array(0)
    const path = join(folder, 'owner.sock')
    const server = createServer((socket) => {
      socket.on('error', () => socket.destroy())
      socket.end(answer)
    })
    await new Promise<void>((resolve) => server.listen(path, resolve))
    server.unref()
    const host = createNodeHost()
    return async (input) => {
      answer = input
      const owner = await askOwner(host, path)
      if (typeof owner === 'string' || owner === undefined) throw refused(String(owner))
      mustHold(Number.isFinite(new Date(owner.sinceMs).getTime()), 'its time can be told')
      return 'an owner'
    }
  },
}

/** What a Web Lock's name says, too. */
const ownerText: Target = {
  name: 'owner text',
  reaches: ['storage/owner-text.ts parseOwner'],
  seeds: () => [bytesOf(formatOwner({ who: 'tab 7', sinceMs: 5 })), bytesOf('null'), bytesOf('1')],
  decoder: () => (input) => {
    const owner = parseOwner(textOf(input))
    if (owner === undefined) throw refused('nobody')
    const { facts } = inUseFailure('notes', owner)
    mustHold(Number.isFinite(new Date(Number(facts['since'])).getTime()), 'its time can be told')
    return 'an owner'
  },
}

const keyStore: Target = {
  name: 'key file',
  reaches: [],
  seeds: () => [bytesOf(createNodeKey()), new Uint8Array(5000).fill(65)],
  testRuns: 500,
  decoder: ({ folder }) => {
    const directory = join(folder, 'keys')
    mkdirSync(directory, { recursive: true })
    const store = createNodeKeyStore(directory)
    return async (input) => {
      writeFileSync(join(directory, 'author.key'), input)
      const signer = await store.load('author')
      mustHold(signer?.publicKey.byteLength === 32, 'a key has 32 bytes')
      return 'a key'
    }
  },
}

const sqliteFile: Target = {
  name: 'sqlite header',
  reaches: ['database/file-header.ts readFileHeader'],
  seeds: async () => [(await stockFile()).subarray(0, 512)],
  decoder: () => (input) => {
    const { pageSize, pageCount, isWal } = readFileHeader(input, input.byteLength * 8)
    mustHold(pageSize >= 512 && pageSize <= 65_536, 'a page size of SQLite')
    mustHold(pageCount * pageSize <= input.byteLength * 8, 'no more pages than bytes')
    return `${pageSize} ${isWal}`
  },
}

/** The whole file through SQLite's own checks. */
const sqliteImport: Target = {
  name: 'sqlite import',
  reaches: [],
  seeds: async () => [await stockFile()],
  // A header that is refused never reaches SQLite.
  reshape: (input, { mutate }) => concatBytes(input.subarray(0, 100), mutate(input.subarray(100))),
  testRuns: 100,
  shares: 3,
  inputBytesMax: 65_536,
  // Each check opens an engine in SQLite's heap.
  allocatesBytesMax: 64 * 1_048_576,
  decoder: () => async (input) => {
    const host = createManualHost()
    const open = (space: Parameters<typeof createEngine>[0]['space']) =>
      createEngine({ load: loadSqliteNode, space, host })
    const { header, pages } = await checkFile(sourceOfBytes(input), open)
    const page = new Uint8Array(pages.pageSize)
    for (let pgno = 1; pgno <= pages.pageCount; pgno++) pages.readPage(pgno, page)
    return `${header.pageSize}`
  },
}

async function stockFile(): Promise<Uint8Array> {
  const { createStockFile } = await import('../../unit/sqlite-fixtures.ts')
  return createStockFile(`PRAGMA page_size = 512; CREATE TABLE t (id INTEGER PRIMARY KEY, body TEXT);
    CREATE INDEX by_body ON t (body); INSERT INTO t (body) VALUES ('a'), ('b'), (zeroblob(900))`)
}

const KEY_HEX = '0f'.repeat(32)

/** A first line names the reader, the rest is its text. */
const typed: Target = {
  name: 'typed text',
  reaches: [
    'relay/allow.ts parseAllowList',
    'cli/command.ts parseOptions',
    'cli/command.ts parseNumber',
    'cli/command.ts parseSize',
    'frame/address.ts checkRelays',
  ],
  seeds: () =>
    [
      `allow\n${KEY_HEX} # mine\n${KEY_HEX},${KEY_HEX}`,
      'options\n--port\n8787\n--open\n--allow\nx',
      'number\n8787',
      'size\n512MiB',
      'relays\nws://127.0.0.1:8787\nwss://relay.example/x',
      `follow\n${formatAddress({ shard: new Uint8Array(32).fill(3), relays: ['ws://r/'], secret: undefined })}`,
      'websocket\nwss://relay.example:1/x?y',
    ].map(bytesOf),
  decoder: () => (input) => {
    const [reader, ...lines] = textOf(input).split('\n')
    const rest = lines.join('\n')
    switch (reader) {
      case 'allow':
        return `${parseAllowList(rest).every((key) => key.byteLength === 32)}`
      case 'options':
        return Object.keys(parseOptions(lines, CLI_OPTIONS).values).sort().join()
      case 'number':
        return `${parseNumber(rest, { option: 'port', otherwise: 0, min: 0, max: 65_535 }) >= 0}`
      case 'size':
        return `${Number.isSafeInteger(parseSize(rest, 'shard-bytes', 0))}`
      case 'relays':
        return `${orThrow(checkRelays(lines)).length}`
      case 'follow':
        return follow(rest).kind
      case 'websocket':
        return websocket(rest).kind
      default:
        return 'no reader'
    }
  },
}

const CLI_OPTIONS = {
  port: { type: 'string' },
  open: { type: 'boolean' },
  allow: { type: 'string', multiple: true },
} as const

export const fileTargets: readonly Target[] = [
  heartbeat,
  ownerAnswer,
  ownerText,
  keyStore,
  sqliteFile,
  sqliteImport,
  typed,
]
