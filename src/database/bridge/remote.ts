/** Remote: the few methods of `Control`, called over the port that a worker and its page have from the start.
 *  Keeps: answers find their call by its number; messages of anybody else on that port are left alone.
 *  Never: carries a failure, which is a value of its methods; a worker that answers nothing is noticed by a
 *  deadline, one that dies by its life (life.ts). */

import type { Control } from './protocol.ts'

/** The worker as its page has it, the worker's global scope, or a port in tests. */
export type ControlEndpoint = {
  postMessage(message: unknown, transfer: Transferable[]): void
  addEventListener(type: 'message', listener: (event: MessageEvent) => void): void
  /** A MessagePort holds its messages back until then. */
  start?(): void
}

type Call = {
  readonly constellite: 'call'
  readonly number: number
  readonly method: keyof Control
  readonly given: readonly unknown[]
}

type Answer = {
  readonly constellite: 'answer'
  readonly number: number
  readonly value: unknown
}

/** The methods, from the page. */
export function callControl(endpoint: ControlEndpoint): Control {
  const waiting = new Map<number, (value: unknown) => void>()
  let last = 0
  endpoint.addEventListener('message', ({ data }: { readonly data: Partial<Answer> | null }) => {
    if (data?.constellite !== 'answer' || data.number === undefined) return
    waiting.get(data.number)?.(data.value)
    waiting.delete(data.number)
  })
  endpoint.start?.()
  const call = <T>(
    method: keyof Control,
    given: readonly unknown[],
    transfer: Transferable[] = [],
  ) =>
    new Promise<T>((resolve) => {
      last += 1
      // The other end is `answerControl`, of the same build once `hello` has said so.
      waiting.set(last, resolve as (value: unknown) => void)
      const message: Call = { constellite: 'call', number: last, method, given }
      endpoint.postMessage(message, transfer)
    })
  return {
    hello: (...given) => call('hello', given),
    open: (...given) => call('open', given, [given[3]]),
    remove: (...given) => call('remove', given),
  }
}

/** Answers them, in the worker. */
export function answerControl(control: Control, endpoint: ControlEndpoint): void {
  endpoint.addEventListener('message', ({ data }: { readonly data: Partial<Call> | null }) => {
    if (data?.constellite !== 'call' || data.method === undefined) return
    const { number = 0, method, given } = data
    // What was given is what the method of this name takes: see above.
    const work = control[method] as (...given: readonly unknown[]) => Promise<unknown>
    work(...(given ?? [])).then((value) => {
      const answer: Answer = { constellite: 'answer', number, value }
      endpoint.postMessage(answer, [])
    })
  })
  endpoint.start?.()
}
