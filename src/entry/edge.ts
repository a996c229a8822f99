/** `constellite/edge`: a relay on Cloudflare Workers.  The Worker's own module says
 *  `export default relayWorker` and exports `RelayObject` (demo/edge/src/index.ts). */

export {
  type RelayEnvironment,
  RelayObject,
  type RelayWorker,
  relayWorker,
} from '../platform/relay-workerd.ts'
export type { ObjectRequest, RelayContext } from '../relay/object.ts'
export type { ObjectWebSocket } from '../transport/websocket-object.ts'
