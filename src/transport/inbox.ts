/** Inbox: envelopes that came and were not yet taken, bounded by the window that the far end must keep.
 *  Keeps: order; a far end that sends past its credit is refused; what was taken is reported when a
 *  quarter of the window was, or when the far end waits for it. */

import { assert } from '../base/assert.ts'
import { ConstelliteError } from '../base/failure.ts'
import { createWriter } from '../bytes/writer.ts'
import type { Envelope } from './envelope.ts'
import { MESSAGE_TYPE } from './layout.ts'
import { WINDOW_BYTES } from './limits.ts'
import { closedFailure } from './link.ts'
import type { Outbox } from './outbox.ts'
import { type ErrorEnvelope, failureOfError } from './remote.ts'
import type { SuspendedInbox } from './suspended-peer.ts'

export type Inbox = {
  /** Takes one envelope off the wire; answers why it cannot. */
  add(envelope: Envelope, sizeBytes: number): ConstelliteError | undefined
  receive(): Promise<Envelope>
  /** A ping came: says what was taken, and again once everything is. */
  onPing(): void
  /** Why the connection is over, as far as the far end's last word tells. */
  lastWord(): ConstelliteError | undefined
  /** What another inbox goes on from; undefined while an envelope waits. */
  suspend(): SuspendedInbox | undefined
  /** Of what came and was not taken. */
  readonly heldBytes: number
  end(reason: ConstelliteError | undefined): void
}

const FROM_THE_START: SuspendedInbox = { consumedBytes: 0n, reportedBytes: 0n }

type Waiter = { resolve(envelope: Envelope): void; reject(error: unknown): void }

export function createInbox(
  { owe }: Pick<Outbox, 'owe'>,
  from: SuspendedInbox = FROM_THE_START,
): Inbox {
  const waiting: { readonly envelope: Envelope; readonly sizeBytes: number }[] = []
  let waitingBytes = 0
  let { consumedBytes, reportedBytes } = from
  let isOwed = false
  let waiter: Waiter | undefined
  let last: Envelope | undefined
  let ended: { readonly reason: ConstelliteError | undefined } | undefined

  const pong = (): Uint8Array =>
    createWriter(16).u8(MESSAGE_TYPE.pong).u32(8).u64(consumedBytes).finish()
  const report = (): void => {
    reportedBytes = consumedBytes
    owe(pong)
  }
  const consume = (sizeBytes: number): void => {
    consumedBytes += BigInt(sizeBytes)
    const isDue = Number(consumedBytes - reportedBytes) >= WINDOW_BYTES / 4
    const isPaid = isOwed && waiting.length === 0
    if (isPaid) isOwed = false
    if (isDue || isPaid) report()
  }
  return {
    add(envelope, sizeBytes) {
      if (waiting.length > 0 && waitingBytes + sizeBytes > WINDOW_BYTES) return creditFailure()
      last = envelope
      if (waiter !== undefined) {
        const { resolve } = waiter
        waiter = undefined
        resolve(envelope)
        consume(sizeBytes)
        return undefined
      }
      waiting.push({ envelope, sizeBytes })
      waitingBytes += sizeBytes
      return undefined
    },
    receive() {
      assert(waiter === undefined, 'one call of receive at a time')
      const next = waiting.shift()
      if (next !== undefined) {
        waitingBytes -= next.sizeBytes
        consume(next.sizeBytes)
        return Promise.resolve(next.envelope)
      }
      if (ended !== undefined) return Promise.reject(ended.reason ?? closedFailure())
      return new Promise((resolve, reject) => {
        waiter = { resolve, reject }
      })
    },
    onPing() {
      isOwed = waiting.length > 0
      report()
    },
    lastWord: () => (last?.type === 'error' ? failureOfError(last as ErrorEnvelope) : undefined),
    get heldBytes() {
      return waitingBytes
    },
    suspend: () => (waiting.length > 0 ? undefined : { consumedBytes, reportedBytes }),
    end(reason) {
      ended = { reason }
      waiter?.reject(reason ?? closedFailure())
      waiter = undefined
    },
  }
}

function creditFailure(): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrProtocol',
    message: 'The far end sent more than the window allows.',
    hint: 'It connects again by itself; if it stays so, the far end’s version is not one for this.',
    facts: { windowBytes: WINDOW_BYTES },
    retry: 'later',
  })
}
