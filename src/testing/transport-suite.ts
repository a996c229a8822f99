/** The conformance suite of Transport: every implementation passes every case, on every platform.
 *  Framework-free: run each case and treat a throw as a failure.  It waits for events only, so it runs on
 *  a real network as well as under a host that something else moves. */

import { isFailure } from '../base/failure.ts'
import { MESSAGE_BYTES_MAX } from '../transport/layout.ts'
import type { Socket, Transport } from '../transport/transport.ts'
import { expectBytes, expectEqual, expectTrue } from './expect.ts'
import { createRandom } from './random.ts'

export type TransportContext = {
  /** A transport to a listener that is there, and what the listener accepts next. */
  listen(): Promise<{
    readonly transport: Transport
    accept(): Promise<Socket>
  }>
  /** A transport to where nobody listens. */
  nobody(): Promise<Transport>
}

export type TransportCase = {
  readonly name: string
  run(context: TransportContext): Promise<void>
}

export function transportCases(seed = 1): readonly TransportCase[] {
  return [...carrying(seed), ...ending(seed)]
}

function carrying(seed: number): readonly TransportCase[] {
  return [
    {
      name: 'carries messages both ways, whole and in order, from one byte to the limit',
      async run(context) {
        const { dialler, acceptor } = await open(context)
        const random = createRandom(seed)
        const messages = [1, 2, 125, 126, 65_535, 65_536, MESSAGE_BYTES_MAX].map((size) =>
          random.bytes(size),
        )
        for (const [from, to] of [
          [dialler, acceptor],
          [acceptor, dialler],
        ] as const) {
          const inlet = collect(to)
          for (const message of messages) from.send(message)
          for (const message of messages) expectBytes(await inlet.next(), message, 'a message')
        }
        dialler.close()
      },
    },
    {
      name: 'keeps what came before somebody listened',
      async run(context) {
        const { dialler, acceptor } = await open(context)
        acceptor.send(Uint8Array.of(1))
        acceptor.send(Uint8Array.of(2))
        // An echo shows that what was sent before it has arrived as well.
        const echo = collect(acceptor)
        dialler.send(Uint8Array.of(9))
        await echo.next()
        const inlet = collect(dialler)
        expectBytes(await inlet.next(), Uint8Array.of(1), 'the first')
        expectBytes(await inlet.next(), Uint8Array.of(2), 'the second')
        dialler.close()
      },
    },
    {
      name: 'gives each side bytes of its own',
      async run(context) {
        const { dialler, acceptor } = await open(context)
        const inlet = collect(acceptor)
        const message = Uint8Array.of(1, 2, 3)
        dialler.send(message)
        const received = await inlet.next()
        received.fill(0)
        expectBytes(message, Uint8Array.of(1, 2, 3), 'what was sent')
        dialler.close()
      },
    },
  ]
}

function ending(seed: number): readonly TransportCase[] {
  return [
    {
      name: 'delivers what was sent before a close, then says once that it is over',
      async run(context) {
        const { dialler, acceptor } = await open(context)
        const inlet = collect(acceptor)
        const message = createRandom(seed).bytes(300_000)
        dialler.send(message)
        dialler.close()
        expectBytes(await inlet.next(), message, 'the last message')
        expectEqual(await inlet.closed, undefined, 'the reason of an ordinary close')
        expectEqual(inlet.closeCount(), 1, 'how often the end was told')
        dialler.close()
        dialler.send(message)
      },
    },
    {
      name: 'tells the end to whoever listens only later',
      async run(context) {
        const { dialler, acceptor } = await open(context)
        const inlet = collect(dialler)
        acceptor.close()
        await inlet.closed
        const late = collect(dialler)
        await late.closed
        expectEqual(late.closeCount(), 1, 'how often a late listener was told')
      },
    },
    {
      name: 'rejects with ErrConnection where nobody listens',
      async run({ nobody }) {
        const transport = await nobody()
        const failure = await failureOf(transport.connect(new AbortController().signal))
        expectTrue(isFailure(failure, 'ErrConnection'), 'the rejection is ErrConnection')
      },
    },
    {
      name: 'rejects with the reason of a signal that has fired',
      async run({ listen }) {
        const { transport } = await listen()
        const reason = new Error('given up')
        expectEqual(
          await failureOf(transport.connect(AbortSignal.abort(reason))),
          reason,
          'the rejection',
        )
      },
    },
    {
      name: 'is bound to the host of its URL',
      async run({ listen }) {
        const { transport } = await listen()
        expectEqual(transport.binding, new URL(transport.url).host, 'the binding')
      },
    },
  ]
}

async function open(
  context: TransportContext,
): Promise<{ readonly dialler: Socket; readonly acceptor: Socket }> {
  const { transport, accept } = await context.listen()
  const accepting = accept()
  const dialler = await transport.connect(new AbortController().signal)
  return { dialler, acceptor: await accepting }
}

/** Takes what a socket delivers from now on. */
function collect(socket: Socket): {
  next(): Promise<Uint8Array>
  readonly closed: Promise<unknown>
  closeCount(): number
} {
  const messages: Uint8Array[] = []
  let wake: () => void = () => undefined
  let count = 0
  socket.onMessage = (message) => {
    messages.push(message)
    wake()
  }
  const closed = new Promise((resolve) => {
    socket.onClose = (reason) => {
      count += 1
      resolve(reason)
    }
  })
  return {
    async next() {
      while (messages.length === 0) {
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
      // The loop ended because there is one.
      return messages.shift() as Uint8Array
    },
    closed,
    closeCount: () => count,
  }
}

function failureOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (error: unknown) => error,
  )
}
