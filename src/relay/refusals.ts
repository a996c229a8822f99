/** Refusals of a relay: why a shard is not leased or takes no more, and a connection is not taken. */

import { ConstelliteError } from '../base/failure.ts'
import type { RelayLimits } from './relay-limits.ts'

export function closedFailure(): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrClosed',
    message: 'The relay is closed.',
    hint: 'Connect again when it has been started again.',
    retry: 'later',
  })
}

export function shardsFailure(limits: RelayLimits): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrRelayFull',
    message: 'The relay has as many shards as it may.',
    hint: 'Raise the relay’s limit of shards, delete some, or use another relay.',
    facts: { shardsMax: limits.shardsMax },
    retry: 'after-repair',
  })
}

export function openFailure(limits: RelayLimits): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrBackpressure',
    message: 'The relay has as many shards open as it may.',
    hint: 'Ask again in a while, or raise the relay’s limit of open shards.',
    facts: { openShardsMax: limits.openShardsMax },
    retry: 'later',
  })
}

export function fullFailure(what: string, bytesMax: number): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrRelayFull',
    message: `The relay has no more room for ${what}.`,
    hint: 'Raise the relay’s quota, or use another relay.',
    facts: { bytesMax },
    retry: 'after-repair',
  })
}

export function crowdedFailure(limits: RelayLimits): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrBackpressure',
    message: `The relay has ${limits.connectionsMax} connections, and takes no more.`,
    hint: 'Connect again in a while, or raise the relay’s limit of connections.',
    retry: 'later',
  })
}
