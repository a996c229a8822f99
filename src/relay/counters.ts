/** Counters of a relay: a plain object that anyone may read. */

export type Counters = {
  connections: number
  connectionsOpen: number
  connectionsRefused: number
  handshakesFailed: number
  runsStored: number
  framesStored: number
  bytesStored: number
  runsRepeated: number
  runsServed: number
  forks: number
  snapshotsStored: number
  snapshotsServed: number
  receiptsSent: number
  receiptsTaken: number
  refused: number
}

export function createCounters(): Counters {
  return {
    connections: 0,
    connectionsOpen: 0,
    connectionsRefused: 0,
    handshakesFailed: 0,
    runsStored: 0,
    framesStored: 0,
    bytesStored: 0,
    runsRepeated: 0,
    runsServed: 0,
    forks: 0,
    snapshotsStored: 0,
    snapshotsServed: 0,
    receiptsSent: 0,
    receiptsTaken: 0,
    refused: 0,
  }
}
