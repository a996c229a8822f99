/** Fork news: runs that stop others who are connected: one that contradicts what is stored, for its author and
 *  for followers, who halt with both seals as evidence; and a hand-over, for the writer that it supersedes.
 *  Never: reaches whoever comes later: discarding a forked copy and following again is a way on, and a
 *  hand-over is found by comparing heads. */

export type ForkNewsItem = {
  readonly run: Uint8Array
  /** The session that brought it. */
  readonly sender: object
  /** Followers get a hand-over in the order of the chain. */
  readonly for: 'writers' | 'everybody'
}

export type ForkListener = (item: ForkNewsItem) => void

export type ForkNews = {
  watch(key: string, listener: ForkListener): () => void
  /** Tells everybody who watches this shard. */
  tell(key: string, item: ForkNewsItem): void
}

/** Runs that one connection is still to be shown, at most; the first of them halts it. */
export const FORKS_SHOWN_MAX = 4

export function createForkNews(): ForkNews {
  const listeners = new Map<string, Set<ForkListener>>()
  return {
    watch(key, listener) {
      const known = listeners.get(key) ?? new Set()
      listeners.set(key, known.add(listener))
      return () => {
        known.delete(listener)
        if (known.size === 0 && listeners.get(key) === known) listeners.delete(key)
      }
    },
    tell(key, item) {
      for (const listener of [...(listeners.get(key) ?? [])]) listener(item)
    },
  }
}
