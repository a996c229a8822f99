/** Snapshot inlet: parts that arrive as envelopes, as the stream that `shard.install` reads.
 *  Keeps: parts in order, without gaps, one snapshot at a time; the reader's pace holds the sender back,
 *  because a part is accepted only when the one before it was taken.
 *  Never: holds more than one part. */

import { ConstelliteError } from '../base/failure.ts'

export type SnapshotInlet = {
  readonly parts: AsyncIterable<Uint8Array>
  /** Resolves when the reader is ready for the next part. */
  push(part: {
    readonly index: number
    readonly last: boolean
    readonly bytes: Uint8Array
  }): Promise<void>
  /** The connection ended: the reader must not wait any longer. */
  fail(reason: unknown): void
}

export function createSnapshotInlet(): SnapshotInlet {
  let nextIndex = 0
  let waiting: { readonly bytes: Uint8Array; readonly last: boolean; taken(): void } | undefined
  let isOver = false
  let reason: unknown
  let wake: () => void = () => {}

  async function* read(): AsyncIterable<Uint8Array> {
    for (;;) {
      if (reason !== undefined) throw reason
      if (waiting === undefined) {
        await new Promise<void>((resolve) => {
          wake = resolve
        })
        continue
      }
      const { bytes, last, taken } = waiting
      waiting = undefined
      yield bytes
      taken()
      if (last) return
    }
  }
  return {
    parts: read(),
    push({ index, last, bytes }) {
      if (isOver || index !== nextIndex) {
        const failure = new ConstelliteError({
          code: 'ErrProtocol',
          message: `Snapshot part ${index} came where ${nextIndex} was expected.`,
          hint: 'The peer broke the protocol; the snapshot is asked for again.',
          retry: 'later',
        })
        reason ??= failure
        wake()
        return Promise.reject(failure)
      }
      nextIndex += 1
      isOver = last
      return new Promise((taken) => {
        waiting = { bytes, last, taken }
        wake()
      })
    },
    fail(why) {
      reason ??= why ?? new Error('the snapshot ended early')
      wake()
    },
  }
}
