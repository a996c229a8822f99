/** Catch-up: once network, devices and relays are sound, every follower reaches its writer's head and root
 *  within a bounded time, with one more transaction that the writer makes then; and what each shows
 *  verifies from its page file.
 *  Excused: whoever halted for a reason that check-halts.ts took; shards that nobody may write any more,
 *  whose followers have nobody to catch up with; and a follower that is ahead of a writer whose backup came
 *  back, and the relay's too: it meets the fork when the writer has come as far. */

import { equalBytes } from '../../src/bytes/compare.ts'
import { RELAY_LIMITS } from '../../src/relay/relay-limits.ts'
import { type Copy, endProcess } from './copy.ts'
import { crash, type Nodes, startNodes } from './nodes.ts'
import type { Report } from './observer.ts'
import { endRelay, sleepRelay } from './relay-node.ts'
import { isWriting, writeGroup } from './workload.ts'
import type { ShardPlan } from './world.ts'

/** A relay that has no room makes its writer wait for five minutes. */
export const CATCH_UP_MAX_MS = 900_000
const STEP_MS = 2_000

/** Ends every fault, and waits. */
export async function healAndCatchUp(
  nodes: Nodes,
  report: Report,
  isOver: () => boolean,
): Promise<void> {
  const { world, shards, copies, relays, liar } = nodes
  const { timeline } = world
  timeline.note('healed')
  world.network.heal()
  liar?.reform()
  for (const relay of relays) {
    endRelay(world, relay, true)
    for (const { disk } of relay.disks.values()) disk.heal()
    relay.limits = { ...RELAY_LIMITS, shardBytesMax: relay.limits.shardBytesMax }
  }
  for (const copy of copies) {
    copy.disk.heal()
    copy.process?.killAtStep(Number.POSITIVE_INFINITY)
  }
  const isSleepy = (): boolean => world.random.chance(world.scenario.faults.sleep ?? 0)
  const begunMs = timeline.nowMs
  const finals = new Map<ShardPlan, 'asked' | 'done'>()
  while (!isOver()) {
    mend(nodes)
    startNodes(nodes, () => true)
    const waiting = shards.filter((facts) => !isCaughtUp(nodes, facts, finals))
    if (waiting.length === 0) break
    if (timeline.nowMs - begunMs > CATCH_UP_MAX_MS) {
      for (const facts of waiting) report('catch-up', describe(nodes, facts))
      return
    }
    for (const relay of relays) if (isSleepy()) sleepRelay(world, relay)
    await timeline.advance(STEP_MS, isOver)
  }
  for (const copy of copies) if (!isOver()) await verifyCopy(nodes, copy, report)
  for (const copy of copies) endProcess(world, copy, true)
  for (const relay of relays) endRelay(world, relay, true)
}

/** What died, or halted for a fault that is over, is started again. */
function mend(nodes: Nodes): void {
  for (const node of [...nodes.copies, ...nodes.relays]) {
    if (node.process !== undefined && !node.process.isAlive) crash(nodes, node, false)
  }
  for (const copy of nodes.copies) {
    if (copy.running?.shard.halted?.retry === 'after-repair') endProcess(nodes.world, copy, true)
  }
}

function writerOf({ copies }: Nodes, facts: ShardPlan): Copy | undefined {
  return copies.find((copy) => copy.facts === facts && isWriting(copy))
}

function isCaughtUp(
  nodes: Nodes,
  facts: ShardPlan,
  finals: Map<ShardPlan, 'asked' | 'done'>,
): boolean {
  const own = nodes.copies.filter((copy) => copy.facts === facts)
  // Nobody was ever ready, and nobody will be: what cannot open is told by check-halts.ts.
  if (own.some(({ running, process, isStopped }) => !isStopped && !(running && process)))
    return false
  const writer = writerOf(nodes, facts)
  if (writer?.running === undefined) {
    return own.some((copy) => isHalted(copy) || copy.isStopped) || isOrphaned(facts, own)
  }
  if (finals.get(facts) !== 'done') {
    const isLive = writer.running.sync.status.state === 'live'
    if (isLive && finals.get(facts) === undefined) {
      finals.set(facts, 'asked')
      const settle = (isDone: boolean): void => {
        if (isDone) finals.set(facts, 'done')
        else finals.delete(facts)
      }
      void writeGroup(nodes.world, writer).then(settle)
    }
    return false
  }
  const { head, newestSeal } = writer.running.shard
  return own.every(({ running }) => {
    const shard = running?.shard
    if (shard === undefined || shard.halted !== undefined || shard.role === 'writer') return true
    if (facts.isDoubled && shard.head.seq > head.seq) return true
    const isThere = equalBytes(shard.head.checksum, head.checksum)
    const root = shard.newestSeal?.root
    return isThere && root !== undefined && equalBytes(root, newestSeal?.root ?? new Uint8Array())
  })
}

/** The heir's disk became one from before it took over: it follows, and is the only one who may write. */
function isOrphaned({ handOvers, isDoubled }: ShardPlan, own: readonly Copy[]): boolean {
  const heads = own.map(({ running }) => running?.shard.head)
  const [first] = heads
  if (handOvers === 0 || !isDoubled || first === undefined) return false
  return heads.every((head) => head !== undefined && equalBytes(head.checksum, first.checksum))
}

function isHalted({ running }: Copy): boolean {
  return running?.shard.halted !== undefined
}

async function verifyCopy({ world }: Nodes, copy: Copy, report: Report): Promise<void> {
  const { running } = copy
  if (running === undefined || running.shard.halted !== undefined) return
  let outcome: string | undefined
  const done = running.turns
    .run(() => running.shard.verify())
    .then(
      ({ pages, chain, seals }) => {
        // A writer whose memory rotted has frames that do not lead to what it sealed.
        const isRotten = copy.role === 'writer' && copy.facts.ledger.rottenSeq !== undefined
        const isSound =
          (pages === 'match' || isRotten) &&
          chain.broken === undefined &&
          seals.broken === undefined
        outcome = isSound ? 'sound' : `pages ${pages}, chain ${chain.broken}, seals ${seals.broken}`
      },
      (error: unknown) => {
        outcome = String(error)
      },
    )
  for (let waited = 0; outcome === undefined && waited < 100; waited++)
    await world.timeline.advance(10)
  void done
  if (outcome !== 'sound') report('catch-up', `${copy.name} does not verify: ${outcome}.`)
  world.coverage.count('verified')
}

function describe(nodes: Nodes, facts: ShardPlan): string {
  const words = nodes.copies
    .filter((copy) => copy.facts === facts)
    .map(({ name, running }) => {
      if (running === undefined) return `${name} is down`
      const { shard, sync } = running
      const { state, failure } = sync.status
      const reason = shard.halted?.code ?? failure?.message ?? ''
      return `${name} (${shard.role}) is at ${shard.head.seq}, ${state} ${reason}`
    })
  return `after ${CATCH_UP_MAX_MS / 1000} s without faults: ${words.join('; ')}.`
}
