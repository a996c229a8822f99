/** Real processes, killed: a writer under load, a relay and two followers get SIGKILL at random moments.
 *  After each round nothing that was acknowledged is lost and every copy holds one history; after each
 *  life the writer's whole folder is lost, and what a receipt covered is not.
 *  A life is some rounds on one set of folders, so that recovery is itself interrupted and recovered. */

import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { createRandom, type Random } from '../../src/testing/random.ts'
import { checkDurable, checkQuiet, checkSame, checkShared } from './checks.ts'
import {
  type Cluster,
  createCluster,
  FOLLOWERS,
  type Follower,
  freePort,
  MEMBERS,
  type Member,
} from './cluster.ts'
import type { Seen } from './programs/workload.ts'
import { BATCHES_PER_WRITER, pause, type Rounds, reached, until } from './rounds.ts'

export const ROUNDS_PER_LIFE = 5
const KILLS_MAX = 4
const BIRTHS = 2
/** Before this Node is still loading, and after it the database is there, on a machine with nothing else to do. */
const BIRTH_MS_MIN = 150
const BIRTH_MS_MAX = 700
/** Between two kills: so many batches, or so long where nobody writes. */
const BATCHES_MAX = 120
const WAIT_MS_MAX = 800
const LANES_MAX = 6

export type ProcessOptions = {
  readonly program: string
  readonly command: string
  /** For the folders of the lives. */
  readonly folder: string
  readonly isEarly: boolean
}

export function createProcessRounds(options: ProcessOptions): Rounds {
  let cluster: Cluster | undefined
  let folder = ''
  let writers = 0

  const begin = async (random: Random): Promise<Cluster> => {
    folder = mkdtempSync(join(options.folder, 'life-'))
    const port = await freePort(() => 20_000 + random.below(10_000))
    const beforeBirth = (made: Cluster): Promise<void> => killAtBirth(made, random)
    return createCluster({ ...options, folder, port, beforeBirth })
  }
  const end = async (): Promise<void> => {
    await cluster?.end()
    cluster = undefined
    writers = 0
    if (folder !== '') rmSync(folder, { recursive: true, force: true })
  }
  return {
    life: ROUNDS_PER_LIFE,
    run: async (round, seed) => {
      const random = createRandom(seed)
      cluster ??= await begin(random)
      const load = (): void => {
        const first = ++writers * BATCHES_PER_WRITER
        cluster?.load({
          first,
          lanes: 1 + random.below(LANES_MAX),
          seed: random.uint32(),
          isEarly: options.isEarly,
        })
      }
      const kills = await torment(cluster, random, load)
      const seen = await settle(cluster)
      if (round % ROUNDS_PER_LIFE === 0) await loseWriter(cluster, random, load)
      checkQuiet(cluster.record)
      const { acknowledged, shared } = cluster.record
      return `${kills}; at ${seen.seq}, ${acknowledged.size} acknowledged, ${shared.size} shared`
    },
    end,
  }
}

/** The writer is killed while it makes its keys and its database. */
async function killAtBirth(cluster: Cluster, random: Random): Promise<void> {
  for (let kill = 0; kill < BIRTHS; kill++) {
    cluster.start('writer')
    await pause(BIRTH_MS_MIN + random.below(BIRTH_MS_MAX - BIRTH_MS_MIN))
    await cluster.kill('writer')
  }
}

/** Kills and restarts at random, all under load; answers whom. */
async function torment(cluster: Cluster, random: Random, load: () => void): Promise<string> {
  for (const member of MEMBERS) cluster.start(member)
  const { acknowledged } = cluster.record
  const before = acknowledged.size
  load()
  await until('the writer acknowledges', () => acknowledged.size > before)
  const killed: string[] = []
  const count = 1 + random.below(KILLS_MAX)
  for (let kill = 0; kill < count; kill++) {
    await batches(cluster, random)
    const victim = random.pick(MEMBERS)
    killed.push(victim)
    await cluster.kill(victim)
    // Now and then the others go on without it.
    if (random.chance(0.5)) await batches(cluster, random)
    cluster.start(victim)
    if (victim === 'writer') load()
  }
  await batches(cluster, random)
  const last = lastVictims(random, killed.includes('relay'))
  for (const member of last) await cluster.kill(member)
  if (!last.includes('writer')) await cluster.stopLoad()
  killed.push(...last)
  return `killed ${killed.join(', ')}`
}

/** Who is killed at the end of the load.  A client waits longer for its relay with each connection that has not
 *  stood for some seconds: so where the relay was killed, most rounds go on with new clients. */
function lastVictims(random: Random, isRelayNew: boolean): readonly Member[] {
  if (isRelayNew && random.chance(0.8)) return ['writer', ...FOLLOWERS]
  return random.chance(0.7) ? ['writer'] : []
}

/** A random moment, told by what the writer has done, so that a busy machine sees as much of it. */
async function batches({ record }: Cluster, random: Random): Promise<void> {
  const target = record.acknowledged.size + random.below(BATCHES_MAX)
  await reached(() => record.acknowledged.size >= target, random.below(WAIT_MS_MAX))
}

/** Everybody runs again: nothing is lost, and all come to one state. */
async function settle(cluster: Cluster): Promise<Seen> {
  for (const member of MEMBERS) cluster.start(member)
  const seen = await cluster.look('writer')
  checkDurable('the writer', seen, cluster.record)
  const check = async (follower: Follower): Promise<void> => {
    await cluster.reach(follower, seen.seq)
    checkSame(follower, await cluster.look(follower), seen)
  }
  await Promise.all(FOLLOWERS.map(check))
  return seen
}

/** The writer's folder is gone while it wrote: the others hold all that a receipt covered. */
async function loseWriter(cluster: Cluster, random: Random, load: () => void): Promise<void> {
  load()
  const { size } = cluster.record.shared
  await until('a receipt covers more', () => cluster.record.shared.size > size)
  await batches(cluster, random)
  await cluster.kill('writer')
  cluster.lose('writer')
  const [one, two] = FOLLOWERS
  if (random.chance(0.5)) {
    for (const member of ['relay', one] as const) {
      await cluster.kill(member)
      cluster.start(member)
    }
  }
  // One that starts from nothing but the address.
  await cluster.kill(two)
  cluster.lose(two)
  cluster.start(two)
  const { record } = cluster
  const check = async (follower: Follower): Promise<bigint> => {
    await cluster.reach(follower, record.sharedSeq)
    const seen = await cluster.look(follower)
    checkShared(follower, seen, record)
    return BigInt(seen.seq)
  }
  const [left, right] = await Promise.all([check(one), check(two)])
  const newest = `${left > right ? left : right}`
  await Promise.all(FOLLOWERS.map((follower) => cluster.reach(follower, newest)))
  checkSame(two, await cluster.look(two), await cluster.look(one))
}
