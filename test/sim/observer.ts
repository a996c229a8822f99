/** Observer: what checkers see of a simulation.  Keeps: they only look; system and workload do not know
 *  them, and nothing of a process is told once it was killed. */

import type { ConstelliteError } from '../../src/base/failure.ts'
import type { Position } from '../../src/base/ids.ts'
import type { Shard, ShardRole } from '../../src/shard/shard.ts'
import type { Ledger } from './ledger.ts'

/** What is known of a shard beside what its copies say. */
export type ShardFacts = {
  readonly index: number
  readonly ledger: Ledger
  /** A copy of the writer's disk was made or brought back: its key may write twice. */
  isDoubled: boolean
  /** Hand-overs that the owner signed. */
  handOvers: number
}

/** One copy, as long as its node exists: processes come and go. */
export type CopyFacts = {
  readonly name: string
  readonly facts: ShardFacts
  /** What it is meant to be. */
  readonly role: ShardRole
  /** A device fault was injected in the life of this disk. */
  readonly isDeviceFaulty: boolean
}

export type Observer = {
  /** A copy was opened; its shard is as recovery left it. */
  opened?(copy: CopyFacts, shard: Shard): void
  openFailed?(copy: CopyFacts, failure: ConstelliteError): void
  /** A flush answered: everything up to there is durable. */
  durable?(copy: CopyFacts, position: Position): void
  advanced?(copy: CopyFacts, shard: Shard, origin: 'local' | 'applied' | 'installed'): void
  halted?(copy: CopyFacts, failure: ConstelliteError): void
  /** A commit, flush or seal was refused. */
  refused?(copy: CopyFacts, failure: ConstelliteError): void
  /** A sealed run left a copy that writes. */
  sent?(copy: CopyFacts, position: Position): void
  /** A relay acknowledged, or served, a head. */
  held?(relay: string, facts: ShardFacts, position: Position): void
  /** A relay said what it has; undefined: nothing. */
  told?(relay: string, facts: ShardFacts, position: Position | undefined): void
  /** A key signed that it holds this: a relay, or one that lies, under its own key. */
  promised?(facts: ShardFacts, holder: Uint8Array, position: Position): void
  /** A copy was told that so many distinct keys hold this. */
  shared?(copy: CopyFacts, position: Position, holders: number): void
  /** The disk of a copy or relay is an older one now. */
  wentBack?(node: string): void
}

/** Reports what must not be; the first word counts. */
export type Report = (check: string, message: string) => void

/** Tells each in turn. */
export function createObservers(observers: readonly Observer[]): Required<Observer> {
  const tell =
    <Name extends keyof Observer>(name: Name) =>
    (...facts: Parameters<Required<Observer>[Name]>): void => {
      for (const observer of observers) {
        // The facts are those that this method of every observer takes.
        const listener = observer[name] as ((...facts: unknown[]) => void) | undefined
        listener?.(...facts)
      }
    }
  return {
    opened: tell('opened'),
    openFailed: tell('openFailed'),
    durable: tell('durable'),
    advanced: tell('advanced'),
    halted: tell('halted'),
    refused: tell('refused'),
    sent: tell('sent'),
    held: tell('held'),
    told: tell('told'),
    promised: tell('promised'),
    shared: tell('shared'),
    wentBack: tell('wentBack'),
  }
}
