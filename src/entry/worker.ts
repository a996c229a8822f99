/** `constellite/worker`: for a worker of one's own, with transports of one's own:
 *  `import { serve } from 'constellite/worker'; serve({ transports: [mine] })`. */

export type { ShardView } from '../database/assemble.ts'
export { type ServeOptions, serve, type TransportFactory } from '../platform/browser-worker.ts'
export type { Socket, Transport } from '../transport/transport.ts'
