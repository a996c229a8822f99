/** The page of `bench commit`: offers both sides as `globalThis.bench`. */

import { costOfCommits } from '../workload.ts'

export type Load = {
  readonly commits: number
  readonly callers: number
  readonly insert: string
  readonly schema: string
  readonly pragmas: readonly string[]
}

/** What the peer's worker understands: one statement a message, answered by its id. */
export type PeerMessage =
  | { readonly id: number; readonly type: 'open'; readonly name: string; readonly load: Load }
  | { readonly id: number; readonly type: 'run'; readonly values: readonly (string | number)[] }
  | { readonly id: number; readonly type: 'close'; readonly name: string }
export type PeerReply = { readonly id: number; readonly error?: string }

type Ours = {
  run(sql: string, parameters: readonly (string | number)[]): Promise<unknown>
  close(): Promise<void>
}

let made = 0

async function ours(load: Load): Promise<number> {
  // The built package, beside this page.
  const { open } = (await import('/constellite/index.js' as string)) as {
    open(name: string, options: object): Promise<Ours>
  }
  const db = await open(`bench-${made++}`, { migrations: [load.schema] })
  const cost = await costOfCommits((at, body) => db.run(load.insert, [at, body]), load)
  await db.close()
  return cost
}

async function peer(load: Load): Promise<number> {
  call ??= startPeer()
  const send = call
  const name = `/peer-${made++}.db`
  await send({ type: 'open', name, load })
  const cost = await costOfCommits((at, body) => send({ type: 'run', values: [at, body] }), load)
  await send({ type: 'close', name })
  return cost
}

type Call = (message: object) => Promise<void>
let call: Call | undefined

function startPeer(): Call {
  const worker = new Worker('./sahpool-worker.js', { type: 'module' })
  const waiting = new Map<number, (reply: PeerReply) => void>()
  let nextId = 0
  worker.onmessage = (event: MessageEvent<PeerReply>) => {
    waiting.get(event.data.id)?.(event.data)
    waiting.delete(event.data.id)
  }
  return (message) =>
    new Promise((resolve, reject) => {
      const id = nextId++
      waiting.set(id, ({ error }) => {
        if (error === undefined) resolve()
        else reject(new Error(`opfs-sahpool: ${error}`))
      })
      worker.postMessage({ id, ...message })
    })
}

Object.assign(globalThis, { bench: { ours, peer } })
