/** The page of `bench bridge`: `page` calls over the bridge, `inside` has the worker call itself. */

import { open } from '../../../src/platform/browser.ts'
import {
  type BridgeCost,
  type BridgeLoad,
  CHANNEL,
  DATABASE,
  MIGRATIONS,
  measureCalls,
} from './bridge-load.ts'

async function start(): Promise<object> {
  const db = await open(DATABASE, {
    migrations: MIGRATIONS,
    worker: () => new Worker('./worker.js', { type: 'module' }),
  })
  const channel = new BroadcastChannel(CHANNEL)
  const inside = (load: BridgeLoad): Promise<BridgeCost> =>
    new Promise((resolve) => {
      channel.onmessage = ({ data }) => resolve(data)
      channel.postMessage(load)
    })
  return { page: (load: BridgeLoad) => measureCalls(db, load), inside }
}

start().then((bench) => Object.assign(globalThis, { bench }))
