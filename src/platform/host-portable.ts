/** The portable Host: clock, timers and randomness by what every runtime has, for programs that use the
 *  service utilities without a database.
 *  Its timers keep a Node program alive, unlike those of a database's Host: a wait that somebody awaits
 *  must not end the program. */

import type { Host } from '../base/host.ts'
import { formatHex } from '../bytes/text.ts'
import { createBrowserHost } from './host-browser.ts'

export function createHost(): Host {
  const host = createBrowserHost()
  return {
    ...host,
    // A message channel, which the browser's Host uses, keeps a Node program alive for ever.
    defer: (callback) => void host.setTimer(0, callback),
    who: `program ${formatHex(host.random(4))}`,
  }
}
