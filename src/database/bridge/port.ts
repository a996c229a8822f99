/** Batched port: what is sent in one turn travels as one message.
 *  Why: a message costs 9–13 µs, a statement often less; one message for the calls of a turn, and one
 *  for the replies of a flushed group, makes it 3–4 µs a call. */

/** What both ends of a MessageChannel are, in browsers and in Node; and a BroadcastChannel, which never tells
 *  that the other end is gone: a guest's lock does. */
export type Port = {
  postMessage(message: unknown): void
  onmessage: ((event: MessageEvent) => void) | null
  addEventListener(type: string, listener: () => void): void
  close(): void
}

export type BatchedPort<Out> = {
  send(item: Out): void
  /** Sends what waits and closes. */
  close(): void
}

export function batchPort<Out, In>(
  port: Port,
  handlers: {
    readonly onItem: (item: In) => void
    /** The other end is gone.  Browsers before 2024 do not tell. */
    readonly onClose: () => void
  },
): BatchedPort<Out> {
  let waiting: Out[] = []
  let isClosed = false
  const flush = (): void => {
    if (waiting.length === 0 || isClosed) return
    const items = waiting
    waiting = []
    port.postMessage(items)
  }
  port.onmessage = ({ data }) => {
    // The other end is this same file.
    for (const item of data as In[]) handlers.onItem(item)
  }
  port.addEventListener('close', () => {
    if (isClosed) return
    isClosed = true
    handlers.onClose()
  })
  return {
    send: (item) => {
      waiting.push(item)
      // A second hop: answers that one flush settled come one microtask after another.
      if (waiting.length === 1) Promise.resolve().then(() => Promise.resolve().then(flush))
    },
    close: () => {
      flush()
      isClosed = true
      port.close()
    },
  }
}
