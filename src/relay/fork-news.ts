/** Fork news: a run that contradicts what is stored, for those who are connected and have what is stored: its
 *  author, who must stop, and followers, who halt with both seals as evidence.
 *  Never: reaches whoever comes later: discarding a forked copy and following again is a way on. */

export type ForkListener = (run: Uint8Array, sender: object) => void

export type ForkNews = {
  watch(key: string, listener: ForkListener): () => void
  /** Tells everybody who watches this shard; `sender` is whose run it is. */
  tell(key: string, run: Uint8Array, sender: object): void
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
    tell(key, run, sender) {
      for (const listener of [...(listeners.get(key) ?? [])]) listener(run, sender)
    },
  }
}
