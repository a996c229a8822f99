/** The apply-loop scripts of the source network's vectors, run against ordered apply.
 *  A token is a sealed run of one frame: `a` honest, `b` a second one by the same author, `evil` one by an
 *  author whom the chain never named.  Where the source let a forged or second frame through, dropped or
 *  last-wins, this copy halts with ErrForked and both seals, or refuses. */

import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import type { ConstelliteError } from '../../src/base/failure.ts'
import { type Hlc, type Seq, toSeq } from '../../src/base/ids.ts'
import { signerFromSeed } from '../../src/crypto/signer-noble.ts'
import { buildFrame, type Frame } from '../../src/frame/frame.ts'
import { encodeRun } from '../../src/frame/run.ts'
import { createSeal, decodeSeal } from '../../src/frame/seal.ts'
import { encodePayloads } from '../../src/pages/payload.ts'
import { createPageTree } from '../../src/pages/tree.ts'
import { createOrderedApply } from '../../src/replication/ordered-apply.ts'
import type { Shard } from '../../src/shard/shard.ts'
import { catchUp, openFollower, openWriter, PAGE_SIZE, page, seedOf } from './shard-fixtures.ts'

type Script = {
  readonly name: string
  readonly finalised: readonly string[]
  readonly appliedInOrder: readonly string[]
  readonly pending: number
}

const vectors = JSON.parse(
  readFileSync(new URL('../vectors/network.json', import.meta.url), 'utf8'),
) as { applyLoop: { cases: readonly Script[] } }

const HONEST = signerFromSeed(seedOf(1))
const EVIL = signerFromSeed(seedOf(66))

/** One frame that writes into page 1, chained to `prev`. */
async function tokenRun(
  shard: Uint8Array,
  token: { readonly seq: Seq; readonly variant: string },
  prev: Frame,
): Promise<{ frame: Frame; bytes: Uint8Array }> {
  const signer = token.variant === 'evil' ? EVIL : HONEST
  const image = page(Number(token.seq % 200n) + (token.variant === 'a' ? 0 : 50))
  const changes = new Map([[1, image]])
  const [payload] = encodePayloads({
    changes,
    oldImage: () => undefined,
    pageSize: PAGE_SIZE,
    pageCount: 1,
    tables: [],
  })
  const frame = buildFrame({
    kind: 'pages',
    shard,
    author: signer.publicKey,
    epoch: 0n,
    seq: token.seq,
    prev: prev.checksum,
    hlc: (prev.hlc + 1n) as Hlc,
    sections: [payload as Uint8Array],
  })
  const tree = createPageTree()
  tree.advance(changes, 1, PAGE_SIZE)
  const { seq, checksum } = frame
  const seal = await createSeal(signer, { shard, epoch: 0n, seq, checksum, root: tree.root() })
  const bytes = encodeRun({ firstSeq: seq, prev: frame.prev, frames: [frame], seal })
  return { frame, bytes }
}

/** The genesis has seq 1 and is what the shard id names, so the scripts' seq 1 is the frame after it. */
function seqOf(token: string): Seq {
  return toSeq(BigInt(token.replace(/\D/g, '')) + 1n)
}

/** Encoded runs by token, all over one honest chain. */
async function tokens(writer: Shard, names: readonly string[]): Promise<Map<string, Uint8Array>> {
  const genesis = writer.authority[0] as Frame
  const runs = new Map<string, Uint8Array>()
  const chain = [genesis, genesis]
  for (let number = 1; number <= 10; number++) {
    const seq = seqOf(`${number}a`)
    const made = await tokenRun(writer.id, { seq, variant: 'a' }, chain[number] as Frame)
    chain.push(made.frame)
    runs.set(`${number}a`, made.bytes)
  }
  for (const name of names) {
    const seq = seqOf(name)
    // Seq 0 of the scripts is before the first frame: here it is the genesis itself, made anew.
    if (runs.has(name) || seq === 1n) continue
    const prev = chain[Number(seq) - 1] ?? (chain.at(-1) as Frame)
    const variant = name.replace(/\d/g, '')
    runs.set(name, (await tokenRun(writer.id, { seq, variant }, prev)).bytes)
  }
  return runs
}

/** Runs a script; answers what was applied, what still waits, and what failed at which token. */
async function play(script: Script) {
  const { shard: writer } = await openWriter()
  const { shard: follower } = await openFollower(writer)
  const runs = await tokens(writer, script.finalised)
  await catchUp(writer, follower)
  const apply = createOrderedApply(follower)
  const failures = new Map<string, ConstelliteError>()
  const applied: string[] = []
  for (const token of script.finalised) {
    const bytes = runs.get(token)
    const before = follower.head.seq
    if (bytes === undefined) continue
    await apply.take(bytes).catch((error: ConstelliteError) => failures.set(token, error))
    for (let seq: Seq = toSeq(before + 1n); seq <= follower.head.seq; seq = toSeq(seq + 1n)) {
      applied.push(`a${seq - 1n}`)
    }
  }
  return { applied, apply, failures, follower }
}

describe('apply-loop scripts of the source network', () => {
  for (const script of vectors.applyLoop.cases) {
    it(script.name, async () => {
      const { applied, apply, failures, follower } = await play(script)
      const forkAt = script.finalised.find((token) => token.endsWith('b'))
      if (forkAt !== undefined) {
        const failure = failures.get(forkAt) as ConstelliteError
        expect(failure.code).toBe('ErrForked')
        for (const side of ['ours', 'theirs'] as const) {
          expect(decodeSeal(failure.facts[side] as Uint8Array).ok).toBe(true)
        }
        return
      }
      for (const token of script.finalised.filter((name) => name.endsWith('evil'))) {
        expect(failures.get(token)?.code).toBe('ErrAuthor')
      }
      const honest = script.appliedInOrder.map((token) => token.replace('evil', 'a'))
      expect(applied).toEqual(honest)
      expect(apply.pending).toBe(script.pending)
      expect(follower.halted).toBeUndefined()
    })
  }
})
