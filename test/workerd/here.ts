/** Where the tests of this folder's `inside` run: in an object, which the program has made known. */

import type { ObjectContext } from '../../src/platform/workerd.ts'

export type Here = {
  readonly ctx: ObjectContext
  /** WebSockets that came to the object's own address, one for each call. */
  accept(): Promise<ServerSocket>
  /** ws:// and the object's own address. */
  readonly socketUrl: string
}

/** What of an accepted WebSocket is used. */
export type ServerSocket = Pick<WebSocket, 'binaryType' | 'send' | 'close' | 'addEventListener'>

let found: Here | undefined

export function setHere(here: Here): void {
  found = here
}

export function here(): Here {
  if (found === undefined) throw new Error('this test runs in an object')
  return found
}
