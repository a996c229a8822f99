/** A writer, a relay and two followers, each a process with a folder of its own that outlives it, and what
 *  they have reported so far. */

import { rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { type Child, type ProgramChild, startChild, startProgram } from './child.ts'
import type { Load, Report, Seen } from './programs/workload.ts'

export type Member = 'writer' | 'relay' | 'follower one' | 'follower two'

export const MEMBERS: readonly Member[] = ['writer', 'relay', 'follower one', 'follower two']
export const FOLLOWERS = ['follower one', 'follower two'] as const
export type Follower = (typeof FOLLOWERS)[number]

/** What was promised, and what went wrong without being asked. */
export type Record = {
  /** Batches whose call resolved, and those that `until('shared')` covered. */
  readonly acknowledged: Set<number>
  readonly shared: Set<number>
  /** A position that all of the shared ones are at or before. */
  sharedSeq: string
  readonly problems: string[]
}

export function createRecord(): Record {
  return { acknowledged: new Set(), shared: new Set(), sharedSeq: '0', problems: [] }
}

export type Cluster = {
  readonly record: Record
  /** Starts a member that is not running; it needs no waiting. */
  start(member: Member): void
  /** SIGKILL, asserted. */
  kill(member: Member): Promise<void>
  /** Tells the writer to write until it is killed or stopped. */
  load(load: Load): void
  stopLoad(): Promise<void>
  look(member: Exclude<Member, 'relay'>): Promise<Seen>
  /** Waits until a follower has come to this position. */
  reach(follower: Follower, seq: string): Promise<void>
  /** Removes everything that a member, which is not running, has on disk. */
  lose(member: Exclude<Member, 'relay'>): void
  /** Kills what is left. */
  end(): Promise<void>
}

export type ClusterOptions = {
  /** Where the bundled program is, with the packed package in reach. */
  readonly program: string
  /** The packed package's command. */
  readonly command: string
  /** New, for everything that the members keep. */
  readonly folder: string
  readonly port: number
  /** Runs before anybody knows the writer's address, which may not have made its database yet. */
  readonly beforeBirth?: (cluster: Cluster) => Promise<void>
}

export async function createCluster(options: ClusterOptions): Promise<Cluster> {
  const record: Record = {
    acknowledged: new Set(),
    shared: new Set(),
    sharedSeq: '0',
    problems: [],
  }
  const starter = createStarter(options, record)
  const programs = new Map<Member, ProgramChild>()
  const running = new Map<Member, Child>()
  let address = ''
  const programOf = (member: Member): ProgramChild => {
    const found = programs.get(member)
    if (found === undefined) throw new Error(`${member} is not running`)
    return found
  }

  const cluster: Cluster = {
    record,
    start: (member) => {
      if (running.has(member)) return
      if (member === 'relay') running.set(member, starter.relay())
      else {
        const child = starter.copy(member, address)
        running.set(member, child)
        programs.set(member, child)
      }
    },
    kill: async (member) => {
      const child = running.get(member)
      running.delete(member)
      programs.delete(member)
      await child?.kill()
    },
    load: (load) => {
      // Rejects when the writer is killed before it has read it.
      programOf('writer')
        .ask({ do: 'load', ...load })
        .catch(() => undefined)
    },
    stopLoad: async () => {
      await programOf('writer').ask({ do: 'stop' })
    },
    // The answer to `look`.
    look: async (member) => (await programOf(member).ask({ do: 'look' })) as Seen,
    reach: async (member, seq) => {
      await programOf(member).ask({ do: 'reach', seq })
    },
    lose: (member) => rmSync(join(options.folder, `${member}.constellite`), { recursive: true }),
    end: async () => {
      await Promise.allSettled(MEMBERS.map(cluster.kill))
    },
  }
  cluster.start('relay')
  await options.beforeBirth?.(cluster)
  cluster.start('writer')
  address = String(await programOf('writer').ask({ do: 'address' }))
  return cluster
}

export type Starter = {
  relay(): Child
  /** `address` is for followers; the writer makes it. */
  copy(member: Exclude<Member, 'relay'>, address: string): ProgramChild
}

/** Starts processes; what they report goes into the record. */
export function createStarter(
  { program, command, folder, port }: ClusterOptions,
  record: Record,
): Starter {
  const onEnd = (reason: string): void => void record.problems.push(reason)
  return {
    relay: () =>
      startChild({
        title: 'relay',
        parameters: [command, 'serve', '--port', `${port}`, '--dir', join(folder, 'relay')],
        folder,
        onLine: () => undefined,
        onEnd,
      }),
    copy: (title, address) => {
      const role = title === 'writer' ? 'writer' : 'follower'
      const target = role === 'writer' ? `ws://127.0.0.1:${port}` : address
      return startProgram({
        title,
        parameters: [program, role, join(folder, title), target],
        folder,
        onReport: (report) => note(title, report, record),
        onEnd,
      })
    },
  }
}

export function note(who: string, report: Report, record: Record): void {
  if (report.type === 'acknowledged') record.acknowledged.add(report.batch)
  else if (report.type === 'failed') record.problems.push(`${who}: ${report.reason}`)
  else {
    for (const batch of report.batches) record.shared.add(batch)
    record.sharedSeq = report.seq
  }
}

/** Of the ports below those that the system gives to clients (32768 and up on Linux): a client that dials a
 *  dead relay there can be given the relay's own port, and would talk to itself. */
export async function freePort(candidate: () => number): Promise<number> {
  for (let attempt = 0; attempt < 20; attempt++) {
    const port = candidate()
    const isFree = await new Promise<boolean>((resolve) => {
      const server = createServer()
      server.once('error', () => resolve(false))
      server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
    })
    if (isFree) return port
  }
  throw new Error('20 ports were all taken')
}
