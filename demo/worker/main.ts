/** The demo's own worker: the one of the package, with a switch in front of its WebSocket and a look at
 *  its frames.  One database lives in it; its name is the worker's name. */

import { serve } from '../../src/entry/worker.ts'
import { watchFrames } from './frames.ts'
import { channelName, type FromWorker, type ToWorker } from './messages.ts'
import { createSwitch } from './switched.ts'

const channel = new BroadcastChannel(channelName(self.name))
const connection = createSwitch()
const tell = (message: FromWorker): void => channel.postMessage(message)

let tellAgain = (): void => undefined

channel.onmessage = ({ data }: MessageEvent<ToWorker>) => {
  if (data.type === 'look') tellAgain()
  else connection.set(data.isOnline)
}
tell({ type: 'hello' })

serve({
  transports: [{ kind: 'websocket', create: (url) => connection.transport(url) }],
  onShard: (_name, shard) => {
    tellAgain = watchFrames(shard, tell)
  },
})
