/** Every metric that the package declares is written by something, and a relay's page says what its counters
 *  say, to a parser that is not ours. */

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import parse from 'parse-prometheus-text-format'
import { describe, expect, it } from 'vitest'
import { toSeq } from '../../src/base/ids.ts'
import { tickHlc } from '../../src/clock/hlc.ts'
import { createReceipt } from '../../src/frame/receipt.ts'
import { Logger } from '../../src/telemetry/logger.ts'
import { Metrics } from '../../src/telemetry/metrics.ts'
import { createMetricsSink } from '../../src/telemetry/metrics-sink.ts'
import { createTestChain } from './relay-chains.ts'
import { headsOf, publish, type Setup, setUpRelay, wantOf } from './relay-fixtures.ts'
import { sleepAndGoOn } from './relay-sleep-fixtures.ts'
import { snapshotOf, upload } from './relay-snapshots.ts'
import { HUB_URL, testSigner } from './transport-fixtures.ts'

const SOURCES = fileURLToPath(new URL('../../src', import.meta.url))

/** Names of metrics in the sources: `name: 'constellite_…'`. */
function declaredInSources(): Set<string> {
  const paths = readdirSync(SOURCES, { recursive: true, encoding: 'utf8' })
  const names = paths
    .filter((path) => path.endsWith('.ts'))
    .flatMap((path) => [
      ...readFileSync(join(SOURCES, path), 'utf8').matchAll(/\bname: '(constellite_[a-z_]+)'/g),
    ])
    .map(([, name]) => name ?? '')
  return new Set(names)
}

/** Makes a relay do everything that it counts. */
async function exercise(setup: Setup): Promise<void> {
  const chain = createTestChain()
  const writer = await publish(setup, chain, [2])
  await writer.send({ type: 'run', bytes: await chain.rerun(1, 3) })
  const other = chain.fork()
  await writer.send({ type: 'run', bytes: await chain.run(1) })
  await other.run(1)
  await writer.send({ type: 'run', bytes: await other.rerun(4, 4) })
  await writer.take()
  const follower = await setup.connect(testSigner(50), 'follower')
  await follower.send(headsOf(chain), wantOf(chain, 1), wantOf(chain, 90, 91))
  const receipt = await createReceipt(testSigner(50), {
    shard: chain.shard,
    author: chain.signer.publicKey,
    epoch: 0n,
    seq: chain.head.seq,
    checksum: chain.head.checksum,
    hlc: tickHlc(1000),
    flags: { durable: true, archived: false, fork: false },
  })
  await follower.send({ type: 'receipt', receipt })
  await follower.take()
  await upload(writer, chain, await snapshotOf(chain, chain.head))
  await writer.take()
  await follower.send({ type: 'want-snapshot', shard: chain.shard, seqMin: toSeq(1) })
  await follower.take()
  // One that hangs up instead of proving who it is, and one too many.
  const silent = await setup.hub.transport(HUB_URL).connect(new AbortController().signal)
  silent.close()
  await setup.host.settle()
  await setup.connect(testSigner(51), 'follower')
  await setup.connect(testSigner(52), 'follower').catch(() => undefined)
}

describe('the metrics of the package', () => {
  it('are each written by what they count, none is declared in vain, and none is missing here', async () => {
    const metrics = new Metrics()
    const setup = await setUpRelay({ metrics, limits: { connectionsMax: 3 } })
    await exercise(setup)
    await sleepAndGoOn(metrics)
    const logger = new Logger({ host: setup.host, sinks: [createMetricsSink(metrics)] })
    logger.log('relay').info('counted')
    metrics.collect()
    expect(metrics.list().flatMap((it) => (it.writes === 0 ? [it.name] : []))).toEqual([])
    expect(new Set(metrics.list().map((it) => it.name))).toEqual(declaredInSources())
  })

  it('say on the page what the counters say', async () => {
    const setup = await setUpRelay()
    const chain = createTestChain()
    await publish(setup, chain, [2, 1])
    const families = new Map(parse(setup.relay.metrics.text()).map((it) => [it.name, it]))
    const shown = (name: string) =>
      Number(families.get(`constellite_relay_${name}`)?.metrics[0]?.value)
    const { counters, status } = setup.relay
    expect(counters.runsStored).toBe(2)
    expect(shown('runs_stored_total')).toBe(counters.runsStored)
    expect(shown('frames_stored_total')).toBe(counters.framesStored)
    expect(shown('stored_bytes_total')).toBe(counters.bytesStored)
    expect(shown('connections_open')).toBe(counters.connectionsOpen)
    expect(shown('forks_total')).toBe(0)
    expect(shown('storage_bytes')).toBe(status.totalBytes)
    expect(Object.keys(counters).length).toBe(17)
    expect(JSON.parse(JSON.stringify(counters))).toMatchObject({ runsStored: 2, forks: 0 })
  })

  it('of two relays in one registry are told apart by the relay', async () => {
    const metrics = new Metrics()
    const first = await setUpRelay({ metrics })
    const second = await setUpRelay({ metrics, signer: testSigner(101) })
    await publish(first, createTestChain(), [1])
    expect([first.relay.counters.runsStored, second.relay.counters.runsStored]).toEqual([1, 0])
    const [shards] = metrics.text().match(/^constellite_relay_shards\{.*$/gm) ?? []
    expect(shards).toContain(' 1')
    const closing = first.relay.close()
    await first.host.settle()
    await closing
    expect(first.relay.counters.connectionsOpen).toBe(0)
  })
})
