/** Which tests of the sources run in every runtime through the portable runner, beside the conformance suite:
 *  the suites of the seams, the kernel, codecs, the utilities. */

import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** Encryptor, boxes, passphrases, flow and telemetry. */
export const UTILITY_TESTS: readonly string[] = [
  ...['encryptor', 'encryptor-hpke', 'encryptor-passphrase'],
  ...['flow-calls', 'flow-consensus', 'flow-dedup-batch', 'flow-limiter', 'flow-retry'],
  ...['telemetry-logger', 'telemetry-metrics'],
].map(pathOfUnit)

/** No files, no processes, no sockets: they need only ECMAScript, WebAssembly and the web's globals (the
 *  kernel's loader is the one of each runtime).  Vectors are read with `node:fs`, which the bundle answers
 *  itself where it embeds them. */
export const PORTABLE_TESTS: readonly string[] = [
  ...['bytes', 'bytes-writer-growth'],
  ...['kernel', 'kernel-vectors', 'crypto-signer', 'crypto-verify'],
  ...['frame-address', 'frame-authority', 'frame-codec', 'frame-control', 'frame-run'],
  ...['frame-vectors', 'pages-vectors'],
  ...['storage-memory', 'storage-faulty', 'wal', 'wal-codec', 'wal-recover'],
  ...['shard', 'shard-transactions', 'shard-power'],
  ...['transport-dial', 'transport-envelope', 'transport-handshake', 'transport-peer'],
  ...['replication-sync', 'replication-snapshot', 'relay'],
]
  .map(pathOfUnit)
  .concat(UTILITY_TESTS)

/** On real files and sockets, by Node's modules: Deno and Bun. */
export const PORTABLE_SYSTEM_TESTS: readonly string[] = [
  'storage-node-fs',
  'identity-keys',
  'transport-suite',
  'transport-websocket',
].map(pathOfUnit)

/** The conformance suite: against the packed package, with `#place`.  All that is there. */
export const CONFORMANCE_TESTS: readonly string[] = readdirSync(
  fileURLToPath(new URL('../../conformance', import.meta.url)),
)
  .filter((name) => name.endsWith('.test.ts'))
  .sort()
  .map((name) => `test/conformance/${name}`)

function pathOfUnit(name: string): string {
  return `test/unit/${name}.test.ts`
}
