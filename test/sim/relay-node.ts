/** Relay node: disks for every shard, a key, and one process after another with the real relay over them.
 *  One that lies has its messages passed through byzantine.ts on their way out. */

import type { ConstelliteError } from '../../src/base/failure.ts'
import { formatHex } from '../../src/bytes/text.ts'
import type { Signer } from '../../src/crypto/signer.ts'
import { allowAll } from '../../src/relay/allow.ts'
import { createRelay, type Relay } from '../../src/relay/relay.ts'
import { RELAY_LIMITS, type RelayLimits } from '../../src/relay/relay-limits.ts'
import type { RelayStore } from '../../src/relay/store.ts'
import type { SimProcess } from './process.ts'
import { createSimDisk, type SimDisk } from './sim-disk.ts'
import { startProcess, type World } from './world.ts'

export type RelayNode = {
  readonly name: string
  readonly url: string
  readonly signer: Signer
  /** By shard, in hex. */
  readonly disks: Map<string, { readonly shard: Uint8Array; readonly disk: SimDisk }>
  readonly wall: { skewMs: number }
  limits: RelayLimits
  process: SimProcess | undefined
  /** Its last life, whose connections outlive it. */
  asleep: SimProcess | undefined
  relay: Relay | undefined
  /** A fault of its own devices that it told. */
  readonly onFailure: (failure: ConstelliteError) => void
}

/** Connections while faults go on: as many as there are copies, and few that hang. */
export const CONNECTIONS_MAX = 6
/** How often a relay that is at work is stopped when it could sleep. */
const CUT_SHORT_CHANCE = 0.03

export function createRelayNode(
  world: World,
  options: Pick<RelayNode, 'name' | 'url' | 'signer' | 'onFailure'>,
): RelayNode {
  const { scenario } = world
  return {
    ...options,
    disks: new Map(),
    wall: { skewMs: 0 },
    limits: {
      ...RELAY_LIMITS,
      connectionsMax: CONNECTIONS_MAX,
      openShardsMax: scenario.relayOpenShards,
      // Only a relay without an open shard has nothing to do.
      idleMs: Math.min(scenario.relayIdleMs, scenario.faults.sleep === undefined ? 60_000 : 1_000),
      shardBytesMax: scenario.relayShardBytes,
    },
    process: undefined,
    asleep: undefined,
    relay: undefined,
  }
}

export function startRelay(world: World, node: RelayNode): void {
  if (node.process?.isAlive) return
  const process = startProcess(world, node.name, node.wall)
  node.process = process
  node.relay = undefined
  const run = async (): Promise<void> => {
    const relay = await createRelay({
      host: process.host,
      signer: node.signer,
      store: storeOf(world, node, process),
      allow: allowAll,
      limits: node.limits,
      onFailure: (failure) => {
        if (process.isAlive) node.onFailure(failure)
      },
    })
    if (!process.isAlive) return
    node.relay = relay
    const { host: binding } = new URL(node.url)
    const { network, scenario } = world
    const isSleeper = scenario.faults.sleep !== undefined
    const { asleep } = node
    node.asleep = undefined
    // Before any message, as the object has it.
    if (asleep !== undefined) {
      network.resume(asleep, process, (socket, kept, sleep) => {
        void relay.resume(socket, kept, sleep)
      })
      relay.endSilent()
    }
    network.listen(node.url, process, (socket, sleep) => {
      void relay.accept(socket, isSleeper ? { binding, sleep } : { binding })
    })
  }
  // Its store never fails to list.
  void run()
}

/** The platform stops a relay that has nothing to do, or one that is at work, which is rarer; its connections
 *  stay.  Answers whether it did. */
export function sleepRelay(world: World, node: RelayNode): boolean {
  const { process, relay } = node
  if (process === undefined || relay === undefined || !process.isAlive) return false
  const isAtRest = process.timerCount === 0 && process.deferredCount === 0
  if (!isAtRest && !world.random.chance(CUT_SHORT_CHANCE)) return false
  world.coverage.count(isAtRest ? 'slept at rest' : 'slept at work')
  node.process = undefined
  node.relay = undefined
  node.asleep = process
  process.kill()
  for (const { disk } of node.disks.values()) disk.abandon()
  world.network.sleep(process, () => {
    if (node.asleep === process && node.process === undefined) startRelay(world, node)
  })
  return true
}

export function endRelay(world: World, node: RelayNode, isTold: boolean): void {
  const { process, asleep } = node
  node.asleep = undefined
  if (asleep !== undefined) world.network.drop(asleep, isTold)
  node.relay = undefined
  node.process = undefined
  if (process === undefined) return
  process.kill()
  world.network.drop(process, isTold)
  for (const { disk } of node.disks.values()) disk.abandon()
}

function storeOf(world: World, node: RelayNode, process: SimProcess): RelayStore {
  return {
    async list() {
      await process.pause(1)
      return [...node.disks.values()].map(({ shard }) => ({ shard, sizeBytes: 1_000 }))
    },
    device(shard) {
      const key = formatHex(shard)
      const disk =
        node.disks.get(key)?.disk ??
        createSimDisk(`${node.name} ${key.slice(0, 6)}`, world.scenario.syncDelayMs)
      node.disks.set(key, { shard, disk })
      return disk.device(process)
    },
  }
}
