/** serve: runs a relay until it is told to stop.  The URL goes to standard output, so that a script can
 *  wait for it; everything else to standard error. */

import { existsSync, readFileSync, statSync } from 'node:fs'
import { formatHex } from '../bytes/text.ts'
import { createNodeHost } from '../platform/host-node.ts'
import { parseAllowList } from '../relay/allow.ts'
import { isLoopback } from '../relay/front.ts'
import { RELAY_LIMITS } from '../relay/relay-limits.ts'
import { RELAY_PORT, type RunningRelay, startRelay } from '../relay/server-node.ts'
import {
  type Command,
  EXIT_OK,
  parseNumber,
  parseOptions,
  parseSize,
  type Terminal,
  usageFailure,
} from './command.ts'

const DIRECTORY = 'constellite-relay'
const ALLOW_FILE_BYTES_MAX = 1_048_576

const OPTIONS = {
  dir: { type: 'string' },
  host: { type: 'string' },
  port: { type: 'string' },
  next: { type: 'boolean' },
  allow: { type: 'string', multiple: true },
  open: { type: 'boolean' },
  name: { type: 'string', multiple: true },
  'shard-bytes': { type: 'string' },
  'total-bytes': { type: 'string' },
} as const

export const serve: Command = {
  name: 'serve',
  summary: 'Run a relay: it stores what writers publish and serves it to followers.',
  help: `Usage: constellite serve [options]

Runs a relay. Writers publish to it, followers read from it, also when the writer is away.
It cannot change what it stores: every frame is signed by its author, and readers check.

  constellite serve                                    for programs and pages on this machine
  constellite serve --host 0.0.0.0 --allow keys.txt    for others, for what keys.txt names
  publish({ via: [websocket('ws://127.0.0.1:${RELAY_PORT}')] })   in the program that writes

The URL is printed when it is ready. Stop it with Ctrl+C.
It answers GET /health with its state as JSON, and GET /metrics with numbers for Prometheus.

Options
  --dir <folder>        Where it keeps its key and what it stores. Default: ./${DIRECTORY}
  --port <number>       Default: ${RELAY_PORT}. 0 takes any free port.
  --next                When the port is taken, use the next free one.
  --host <address>      Listen here. Default: 127.0.0.1, which only this machine reaches.
                        Any other needs --allow or --open.
  --allow <list|file>   Store only these: shard ids, or public keys of authors that may upload, as
                        hex or base64url, separated by commas; or a file with one a line. May be
                        repeated. What is stored can be read by whoever knows its shard id.
  --open                Take every shard (and, on this machine, pages of every site).
  --name <host[:port]>  The name by which clients reach it, relay.example. May be repeated.
                        With one, no other name is answered. Give it behind a proxy that does TLS.
  --shard-bytes <size>  Most that one shard may take. Default: 1GiB
  --total-bytes <size>  Most that all shards together may take. Default: 16GiB
  --help                This text.
`,
  async run(args, terminal) {
    const { values, positionals } = parseOptions(args, OPTIONS)
    if (positionals.length > 0) throw usageFailure(`serve takes no "${positionals[0]}".`)
    if (values.open === true && values.allow !== undefined) {
      throw usageFailure('--open takes every shard and --allow only some: give one of them.')
    }
    const host = values.host ?? '127.0.0.1'
    const allow = values.open === true ? 'open' : allowOf(values.allow)
    if (allow === undefined && !isLoopback(host)) {
      throw usageFailure(
        `At ${host} others can reach the relay: say whom it serves.`,
        'Give --allow with the shard ids or authors that it takes, or --open for every shard.',
      )
    }
    const relay = await startRelay({
      runtime: createNodeHost(),
      dir: values.dir ?? DIRECTORY,
      host,
      port: parseNumber(values.port, {
        option: 'port',
        otherwise: RELAY_PORT,
        min: 0,
        max: 65_535,
      }),
      movesOn: values.next ?? false,
      names: values.name ?? [],
      limits: {
        shardBytesMax: parseSize(values['shard-bytes'], 'shard-bytes', RELAY_LIMITS.shardBytesMax),
        totalBytesMax: parseSize(values['total-bytes'], 'total-bytes', RELAY_LIMITS.totalBytesMax),
      },
      onFailure: (failure) => terminal.note(`${failure.code}: ${failure.message}`),
      ...(allow === undefined ? {} : { allow }),
    })
    await serveUntilStopped(relay, terminal)
    return EXIT_OK
  },
}

async function serveUntilStopped(relay: RunningRelay, terminal: Terminal): Promise<void> {
  const { shards, totalBytes } = relay.relay.status
  terminal.out(relay.url)
  terminal.note(`Relay key ${formatHex(relay.relay.publicKey)}`)
  terminal.note(`It has ${shards} shards in ${totalBytes} bytes. Stop it with Ctrl+C.`)
  const { interrupted } = terminal
  if (!interrupted.aborted) {
    await new Promise((resolve) => {
      interrupted.addEventListener('abort', resolve, { once: true })
    })
  }
  terminal.note('Stopping.')
  await relay.close()
}

/** Each value is a file, when there is one of that name, or a list. */
function allowOf(values: readonly string[] | undefined): readonly Uint8Array[] | undefined {
  return values?.flatMap((value) => {
    if (!existsSync(value)) return parseAllowList(value)
    if (statSync(value).size > ALLOW_FILE_BYTES_MAX) {
      throw usageFailure(`${value} is too large for a list of keys.`)
    }
    return parseAllowList(readFileSync(value, 'utf8'))
  })
}
