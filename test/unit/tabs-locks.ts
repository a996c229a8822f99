/** Web Locks of a simulated browser, as the standard has them: kept by nobody's thread, so that to ask, to be
 *  given and to give back all take their way; a lock goes to who asked first, and on when its holder dies. */

import type { HeldLock } from '../../src/database/tabs/parts.ts'
import type { Agent, Lane, World } from './tabs-world.ts'

export type Locks = {
  take(agent: Agent, name: string, onRobbed: () => void, signal: AbortSignal): Promise<HeldLock>
  whenFree(agent: Agent, name: string, signal: AbortSignal): Promise<void>
  /** Takes it from whoever has it, and gives it on to who is next. */
  rob(name: string): void
  holderOf(name: string): Agent | undefined
  /** Held or waited for, and by how many. */
  countOf(name: string): number
  readonly names: readonly string[]
}

type Request = {
  readonly agent: Agent
  readonly onGranted: () => void
  readonly onRobbed: () => void
}

/** The holder first, then who waits. */
type Line = Request[]

export function createLocks(world: World): Locks {
  const { lines, ask, rob } = createLines(world)
  const take: Locks['take'] = (agent, name, onRobbed, signal) =>
    new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason)
      let isSettled = false
      const release = ask(name, {
        agent,
        onRobbed,
        onGranted: () => {
          if (isSettled) return
          isSettled = true
          resolve({ release })
        },
      })
      signal.addEventListener('abort', () => {
        if (isSettled) return
        isSettled = true
        release()
        reject(signal.reason)
      })
    })
  return {
    take,
    whenFree: async (agent, name, signal) => {
      const { release } = await take(agent, name, () => undefined, signal)
      release()
    },
    rob,
    holderOf: (name) => lines.get(name)?.[0]?.agent,
    countOf: (name) => lines.get(name)?.length ?? 0,
    get names() {
      return [...lines.keys()]
    },
  }
}

type Lines = {
  readonly lines: ReadonlyMap<string, Line>
  /** Answers the way to give it back, or not to want it any more. */
  ask(name: string, request: Request): () => void
  rob(name: string): void
}

/** The lines, where nobody but they themselves hears of what is asked at once. */
function createLines(world: World): Lines {
  const manager = world.agent('locks')
  const lines = new Map<string, Line>()
  const lanes = new Map<Agent, { readonly to: Lane; readonly from: Lane }>()
  const lanesOf = (agent: Agent): { readonly to: Lane; readonly from: Lane } => {
    const known = lanes.get(agent)
    if (known !== undefined) return known
    const made = { to: world.lane(manager), from: world.lane(agent) }
    lanes.set(agent, made)
    // After everything that it had asked for.
    agent.onDeath.add(() => {
      world.send(made.to, () => {
        for (const [name, line] of lines) {
          for (const request of [...line]) if (request.agent === agent) remove(name, request)
        }
      })
    })
    return made
  }
  const grant = (request: Request): void => {
    world.send(lanesOf(request.agent).from, request.onGranted)
  }
  const remove = (name: string, request: Request): void => {
    const line = lines.get(name) ?? []
    const at = line.indexOf(request)
    if (at < 0) return
    line.splice(at, 1)
    const [next] = line
    if (next === undefined) lines.delete(name)
    else if (at === 0) grant(next)
  }
  const ask: Lines['ask'] = (name, request) => {
    const { to } = lanesOf(request.agent)
    // What a page that died had begun still runs here, and asks nobody.
    if (request.agent.isDead) return () => undefined
    world.send(to, () => {
      const line = lines.get(name) ?? []
      lines.set(name, line)
      if (line.push(request) === 1) grant(request)
    })
    return () => {
      if (!request.agent.isDead) world.send(to, () => remove(name, request))
    }
  }
  return {
    lines,
    ask,
    rob: (name) => {
      const holder = lines.get(name)?.[0]
      if (holder === undefined) return
      remove(name, holder)
      world.send(lanesOf(holder.agent).from, holder.onRobbed)
    },
  }
}
