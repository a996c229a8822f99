/** Byzantine: what a lying relay makes of its own messages: flips a bit, drops one, withholds runs for good,
 *  sends old ones again, serves another branch to another peer, and forges: runs under seals that are not
 *  the author's, heads that it does not have, receipts for what it did not keep: of a run that it dropped,
 *  to the byte, with no signature, somebody else's, under other keys, and under its own.
 *  Keeps: nothing before the handshake is over is touched; it has no key but its own. */

import { succeed } from '../../src/base/failure.ts'
import { type Hlc, toSeq } from '../../src/base/ids.ts'
import { HLC_ZERO } from '../../src/clock/hlc.ts'
import type { Signer } from '../../src/crypto/signer.ts'
import { buildFrame } from '../../src/frame/frame.ts'
import { createReceipt, type Receipt } from '../../src/frame/receipt.ts'
import { decodeRun, decodeRunHeader, encodeRun } from '../../src/frame/run.ts'
import type { Seal } from '../../src/frame/seal.ts'
import type { Random } from '../../src/testing/random.ts'
import { decodeEnvelope, type Envelope, encodeEnvelope } from '../../src/transport/envelope.ts'
import { MESSAGE_TYPE } from '../../src/transport/layout.ts'
import type { Filter } from './connection.ts'
import type { Coverage } from './coverage.ts'
import type { RelayFault, Scenario } from './scenario.ts'

export type Liar = {
  /** A filter for one connection. */
  filter(): Filter
  /** A filter for what comes to it on one connection. */
  intake(): Filter
  /** A run that a writer sent it. */
  learn(message: Uint8Array): void
  /** It is honest from now on. */
  reform(): void
}

const REMEMBERED_MAX = 64

export function createLiar(options: {
  readonly random: Random
  readonly coverage: Coverage
  readonly faults: Scenario['faults']
  /** Its own key, under which it may say what it likes, and one that is nobody's. */
  readonly signer: Signer
  readonly stranger: Signer
  /** Somebody else's key, under which it cannot sign. */
  readonly victim: Uint8Array
  /** Hears of what it signed for under its own key without having it. */
  readonly onPromise: (receipt: Receipt) => void
}): Liar {
  const { random, coverage, faults } = options
  const learnt: Uint8Array[] = []
  let isHonest = false
  const remember = (list: Uint8Array[], message: Uint8Array): void => {
    list.push(message)
    if (list.length > REMEMBERED_MAX) list.splice(random.below(list.length), 1)
  }
  const lies = (fault: RelayFault): boolean => {
    const isHit = random.chance(faults[fault] ?? 0)
    if (isHit) coverage.count(fault)
    return isHit
  }
  return {
    filter() {
      const sent: Uint8Array[] = []
      let isWithholding = false
      return (message) => {
        const type = message[0] ?? 0
        const isEnvelope = type >= MESSAGE_TYPE.heads && type <= MESSAGE_TYPE.error
        if (isHonest || !isEnvelope) return [message]
        remember(sent, message.slice())
        if (type === MESSAGE_TYPE.run && lies('withhold')) isWithholding = true
        if (isWithholding && type === MESSAGE_TYPE.run) return []
        if (lies('drop')) return []
        if (lies('flip')) return [flipOneBit(message, random)]
        if (lies('replay')) return [message, random.pick(sent)]
        if (type === MESSAGE_TYPE.run && learnt.length > 0 && lies('fork')) {
          return [random.pick(learnt)]
        }
        if (lies('forge')) return [forge(message, random)]
        return [message]
      }
    },
    intake() {
      return (message, reply) => {
        const isRun = message[0] === MESSAGE_TYPE.run
        if (isHonest || !isRun || !lies('false-receipt')) return [message]
        const seal = sealOf(message)
        if (seal === undefined) return [message]
        // The run is dropped, and acknowledged.
        void falseReceipt(seal, options).then((receipt) => {
          reply(encodeEnvelope({ type: 'receipt', receipt }))
        })
        return []
      }
    },
    learn(message) {
      if (message[0] === MESSAGE_TYPE.run) remember(learnt, message.slice())
    },
    reform() {
      isHonest = true
    },
  }
}

function sealOf(message: Uint8Array): Seal | undefined {
  const decoded = decodeEnvelope(message)
  if (!decoded.ok || decoded.value.type !== 'run') return undefined
  const header = decodeRunHeader(decoded.value.bytes)
  return header.ok ? header.value.seal : undefined
}

/** Of a run that it does not have: unsigned, signed by another than it names, under another's or a made-up
 *  name, or as its own lie, which nobody can tell from an honest word. */
async function falseReceipt(
  { shard, author, epoch, seq, checksum }: Seal,
  { random, coverage, signer, stranger, victim, onPromise }: Parameters<typeof createLiar>[0],
): Promise<Receipt> {
  const flags = { durable: true, archived: false, fork: false }
  const fields = { shard, author, epoch, seq, checksum, hlc: HLC_ZERO, flags }
  const kind = random.pick([
    'unsigned',
    'by another',
    'of another',
    'of a stranger',
    'own',
  ] as const)
  coverage.count(`false receipt ${kind}`)
  const own = await createReceipt(signer, fields)
  if (kind === 'unsigned') return { ...own, signature: random.bytes(64) }
  const strange = await createReceipt(stranger, fields)
  if (kind === 'by another') return { ...strange, holder: signer.publicKey }
  if (kind === 'of another') return { ...own, holder: victim }
  if (kind === 'of a stranger') return strange
  onPromise(own)
  return own
}

function flipOneBit(message: Uint8Array, random: Random): Uint8Array {
  const flipped = message.slice()
  const at = random.below(flipped.byteLength)
  flipped[at] = (flipped[at] ?? 0) ^ (1 << random.below(8))
  return flipped
}

function forge(message: Uint8Array, random: Random): Uint8Array {
  const decoded = decodeEnvelope(message)
  if (!decoded.ok) return message
  const forged = forgedEnvelope(decoded.value, random)
  return forged === undefined ? message : encodeEnvelope(forged)
}

function forgedEnvelope(envelope: Envelope, random: Random): Envelope | undefined {
  switch (envelope.type) {
    case 'run': {
      const bytes = forgedRun(envelope.bytes, random)
      return bytes && { type: 'run', bytes }
    }
    case 'heads':
      return {
        ...envelope,
        heads: envelope.heads.map(({ author, position }) => ({
          author,
          position: {
            seq: toSeq(position.seq + BigInt(random.below(5))),
            checksum: random.bytes(32),
          },
        })),
      }
    case 'receipt': {
      const { receipt } = envelope
      const seq = toSeq(receipt.seq + BigInt(random.below(5)))
      return { type: 'receipt', receipt: { ...receipt, seq, signature: random.bytes(64) } }
    }
    default:
      return undefined
  }
}

/** The same pages under another clock, so that the root still fits: only the signature tells. */
function forgedRun(bytes: Uint8Array, random: Random): Uint8Array | undefined {
  const header = decodeRunHeader(bytes)
  const decoded = decodeRun(bytes, () => succeed(undefined))
  if (!header.ok || !decoded.ok) return undefined
  const run = decoded.value
  const last = run.frames.at(-1)
  const sections = last?.sections?.map((section) =>
    'bytes' in section ? section.bytes : undefined,
  )
  if (last === undefined || sections === undefined) return undefined
  const whole = sections.filter((section) => section !== undefined)
  // A Hlc is a bigint of 64 bits, and so is one above it.
  const hlc = (last.hlc + 1n + BigInt(random.below(1000))) as Hlc
  const frame = buildFrame({ ...last, hlc, sections: whole })
  return encodeRun({
    ...run,
    frames: [...run.frames.slice(0, -1), frame],
    seal: { ...run.seal, checksum: frame.checksum, signature: random.bytes(64) },
  })
}
