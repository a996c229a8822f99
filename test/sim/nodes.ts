/** Nodes: everything that one simulation consists of, built from its scenario; and starting, killing and
 *  replacing the parts. */

import { equalBytes } from '../../src/bytes/compare.ts'
import type { FaultyDisk } from '../../src/storage/faulty.ts'
import { createRandom } from '../../src/testing/random.ts'
import { createLiar, type Liar } from './byzantine.ts'
import { type Copy, createCopy, endProcess, startCopy } from './copy.ts'
import type { Coverage } from './coverage.ts'
import { createNetwork } from './network.ts'
import type { Observer, Report } from './observer.ts'
import { createRelayNode, endRelay, type RelayNode, startRelay } from './relay-node.ts'
import { RELAY_FAULTS, type Scenario } from './scenario.ts'
import { observeMessages } from './taps.ts'
import type { Timeline } from './timeline.ts'
import { createShardPlan, type ShardPlan, signerOf, type World } from './world.ts'

export type Nodes = {
  readonly world: World
  readonly shards: readonly ShardPlan[]
  readonly copies: Copy[]
  readonly relays: readonly RelayNode[]
  readonly liar: Liar | undefined
  /** Old images by node, newest last. */
  readonly images: Map<string, NodeImage[]>
}

/** By file of the node: one disk of a copy, one a shard of a relay. */
export type NodeImage = ReadonlyMap<string, FaultyDisk>

const IMAGES_MAX = 3
/** Number of the first relay's key. */
const RELAY_KEYS = 2000

export function createNodes(options: {
  readonly scenario: Scenario
  readonly timeline: Timeline
  readonly coverage: Coverage
  readonly observers: Required<Observer>
  readonly report: Report
}): Nodes {
  const { scenario, timeline, coverage, observers, report } = options
  const random = createRandom(scenario.seed ^ 0x5eed)
  const isLying = RELAY_FAULTS.some((fault) => scenario.faults[fault] !== undefined)
  const { faults } = scenario
  const liar = isLying
    ? createLiar({
        random,
        coverage,
        faults,
        signer: signerOf(RELAY_KEYS),
        stranger: signerOf(3000),
        victim: signerOf(RELAY_KEYS + 1).publicKey,
        onPromise(receipt) {
          const facts = shards.find(({ id }) => id !== undefined && equalBytes(id, receipt.shard))
          if (facts !== undefined) observers.promised(facts, receipt.holder, receipt)
        },
      })
    : undefined
  const names = Array.from({ length: scenario.relays }, (_, index) => `relay${index}`)
  const network = createNetwork({
    timeline,
    random,
    coverage,
    // The first relay is the one that lies.
    filterOf: (from, to) =>
      from.name === 'relay0' ? liar?.filter() : to.name === 'relay0' ? liar?.intake() : undefined,
  })
  const relayUrls = names.map((name) => `wss://${name}.test`)
  const world: World = { scenario, timeline, random, network, coverage, observers, relayUrls }
  const relays = names.map((name, index) =>
    createRelayNode(world, {
      name,
      url: relayUrls[index] ?? '',
      signer: signerOf(RELAY_KEYS + index),
      onFailure: (failure) => {
        coverage.count(`relay told ${failure.code}`)
        const isFaulty = [...(relays[index]?.disks.values() ?? [])].some((it) => it.disk.isFaulty)
        // Nobody but itself has its disks.
        if (isFaulty && failure.code !== 'ErrInUse') return
        report(
          'halts',
          `${name} told ${failure.code}: ${failure.message}, but its disks are sound.`,
        )
      },
    }),
  )
  const shards = Array.from({ length: scenario.shards }, (_, index) => createShardPlan(index))
  const copies = shards.flatMap((facts) => copiesOf(world, facts))
  observeMessages(world, { relays, copies, shards, liar })
  return { world, shards, copies, relays, liar, images: new Map() }
}

function copiesOf(world: World, facts: ShardPlan): Copy[] {
  const first = 10 * (facts.index + 1)
  const followers = Array.from({ length: world.scenario.followers }, (_, index) =>
    createCopy(world, {
      name: `follower${facts.index}.${index}`,
      facts,
      signer: signerOf(first + 1 + index),
      role: 'follower',
    }),
  )
  const writer = createCopy(world, {
    name: `writer${facts.index}`,
    facts,
    signer: signerOf(first),
    role: 'writer',
  })
  return [writer, ...followers]
}

/** Starts what is down; `isWanted` is asked for each. */
export function startNodes(nodes: Nodes, isWanted: () => boolean): void {
  const { world, relays, copies } = nodes
  for (const relay of relays)
    if (relay.process === undefined && relay.asleep === undefined && isWanted())
      startRelay(world, relay)
  for (const copy of copies) {
    // Without a genesis there is nothing to follow.
    const isDown = copy.process === undefined && !copy.isStopped
    const isPossible = copy.facts.id !== undefined || copy.role === 'writer'
    if (isDown && isPossible && isWanted()) startCopy(world, copy)
  }
}

/** Power is lost, or only the process dies. */
export function crash(nodes: Nodes, node: Copy | RelayNode, isPowerLost: boolean): void {
  const { world } = nodes
  const isTold = !isPowerLost && world.random.chance(0.7)
  if ('disk' in node) {
    endProcess(world, node, isTold)
    if (isPowerLost) node.disk.losePower(world.random)
  } else {
    endRelay(world, node, isTold)
    if (isPowerLost) for (const { disk } of node.disks.values()) disk.losePower(world.random)
  }
}

export function takeImage(nodes: Nodes, node: Copy | RelayNode): void {
  // A copy without a genesis is no copy yet.
  if ('disk' in node && node.running === undefined) return
  const kept = nodes.images.get(node.name) ?? []
  const disks = 'disk' in node ? [['', node.disk] as const] : disksOf(node)
  kept.push(new Map(disks.map(([key, disk]) => [key, disk.image()])))
  if (kept.length > IMAGES_MAX) kept.splice(nodes.world.random.below(kept.length), 1)
  nodes.images.set(node.name, kept)
}

function disksOf(node: RelayNode): (readonly [string, Copy['disk']])[] {
  return [...node.disks].map(([key, { disk }]) => [key, disk] as const)
}

/** The disks of a node become an old image; false when there is none. */
export function restoreImage(nodes: Nodes, node: Copy | RelayNode): boolean {
  const { world, images } = nodes
  const kept = images.get(node.name) ?? []
  if (kept.length === 0) return false
  const image = world.random.pick(kept)
  const mayHaveWritten = 'disk' in node && hasWritten(node)
  crash(nodes, node, true)
  const disks = 'disk' in node ? [['', node.disk] as const] : disksOf(node)
  for (const [key, disk] of disks) {
    const old = image.get(key)
    // A shard that the relay did not have then: it keeps what it has, as a later volume would.
    if (old !== undefined) disk.replace(old)
  }
  if ('disk' in node && mayHaveWritten) node.facts.isDoubled = true
  world.observers.wentBack(node.name)
  return true
}

/** Also an heir that was killed while it took over. */
function hasWritten({ role, name, running, facts }: Copy): boolean {
  const isHeir = facts.heir?.isSigning === true && facts.heir.process.name === name
  return role === 'writer' || running?.shard.role === 'writer' || isHeir
}

/** Another process with the same key, over a copy of the disk. */
export function cloneCopy(nodes: Nodes, copy: Copy): boolean {
  const name = `${copy.name}clone`
  if (nodes.copies.some((other) => other.name === name) || copy.name.endsWith('clone')) return false
  if (copy.running === undefined) return false
  const clone = createCopy(nodes.world, {
    name,
    facts: copy.facts,
    signer: copy.signer,
    role: copy.role,
  })
  clone.disk.replace(copy.disk.image())
  copy.facts.isDoubled = true
  nodes.copies.push(clone)
  return true
}
