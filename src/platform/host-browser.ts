/** The browser's Host: clock, timers and randomness of a window or a worker.
 *  Keeps: deferred callbacks run in order, each as a task of its own, and soon in a hidden tab too.
 *  Never: touches the document, which a worker does not have. */

import type { Host } from '../base/host.ts'
import { formatHex } from '../bytes/text.ts'
import { random, setTimer } from './host-web.ts'

export function createBrowserHost(): Host {
  return {
    now: () => Date.now(),
    monotonicNow: () => performance.now(),
    setTimer,
    defer: createDefer(),
    random,
    who: `tab ${formatHex(random(4))}`,
  }
}

/** A message to oneself, because nested timers of 0 ms wait 4 ms, and up to a minute in a hidden tab. */
function createDefer(): Host['defer'] {
  const callbacks: (() => void)[] = []
  let channel: MessageChannel | undefined
  return (callback) => {
    if (channel === undefined) {
      channel = new MessageChannel()
      channel.port1.onmessage = () => callbacks.shift()?.()
    }
    callbacks.push(callback)
    channel.port2.postMessage(undefined)
  }
}
