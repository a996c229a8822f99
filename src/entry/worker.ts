/** `constellite/worker`: a worker of one's own, in two lines: import this, call `serve`. */

export { type ServeOptions, serve, type TransportFactory } from '../platform/browser-worker.ts'
export type { Transport } from '../transport/transport.ts'
