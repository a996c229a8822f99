/** Prefix: what a copy shows is what the writer had committed at that position, page for page, and goes on
 *  from what it showed before.  Only a hand-over may take a copy to another branch, by a snapshot; and of a
 *  shard whose key was doubled a snapshot may, because it does not prove what it descends from. */

import { equalBytes } from '../../src/bytes/compare.ts'
import type { Shard } from '../../src/shard/shard.ts'
import { isAncestor, type LedgerEntry, nameOf, pagesBesideRot, supersedes } from './ledger.ts'
import type { CopyFacts, Observer, Report } from './observer.ts'

export function createPrefixCheck(report: Report): Observer {
  const shown = new Map<string, LedgerEntry>()
  const look = (copy: CopyFacts, shard: Shard, origin?: string): void => {
    // An empty follower.
    if (shard.head.seq === 0n) return
    const entry = copy.facts.ledger.find(shard.head)
    if (entry === undefined) {
      report(
        'prefix',
        `${copy.name} is at seq ${shard.head.seq}, at a frame that nobody committed.`,
      )
      return
    }
    const before = shown.get(copy.name)
    shown.set(copy.name, entry)
    const isUnproved = origin === 'installed' && copy.facts.isDoubled
    const isOn = before === undefined || isAncestor(before, entry) || supersedes(entry, before)
    if (before !== undefined && !isOn && !isUnproved) {
      report('prefix', `${copy.name} went from ${nameOf(before)} to ${nameOf(entry)}.`)
    }
    const problem = differenceOf(shard, entry, copy.facts.ledger.rottenSeq !== undefined)
    if (problem !== undefined) report('prefix', `${copy.name} at ${nameOf(entry)}: ${problem}`)
  }
  return {
    opened: (copy, shard) => look(copy, shard),
    advanced: look,
    wentBack: (node) => void shown.delete(node),
  }
}

/** How the pages of a copy differ from what was committed at its head. */
function differenceOf(shard: Shard, entry: LedgerEntry, isRotten: boolean): string | undefined {
  const pageCount = shard.pages.pageCount(shard.pages.version)
  const { length } = entry.pages
  if (pageCount !== length) return `${pageCount} pages instead of ${length}.`
  const pages = isRotten ? pagesBesideRot(entry, (pgno) => shard.pages.image(pgno)) : entry.pages
  for (const [index, page] of pages.entries()) {
    if (!equalBytes(shard.pages.image(index + 1), page)) return `page ${index + 1} differs.`
  }
  return undefined
}
