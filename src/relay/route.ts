/** Route: which relay a path of a Worker names, and which of its pages.  Every path is a relay of its own, with a
 *  key and shards of its own; `/` is one too.  `/team/health` is the page `/health` of the relay `/team`.  Pure. */

export type Route = {
  readonly relay: string
  /** As src/relay/pages.ts knows it. */
  readonly page: string
}

/** Characters of a relay's path. */
export const RELAY_PATH_MAX = 128

const PAGES: readonly string[] = ['/health', '/metrics']

/** Undefined for a path that names no relay: too long, or with anything but letters, digits and `-._~` between
 *  single slashes. */
export function routeOf(path: string): Route | undefined {
  const page = PAGES.find((name) => path.endsWith(name)) ?? '/'
  const rest = page === '/' ? path.replace(/\/$/, '') : path.slice(0, -page.length)
  if (rest === '') return { relay: '/', page }
  const isRelay = rest.length <= RELAY_PATH_MAX && /^(\/[A-Za-z0-9._~-]+)+$/.test(rest)
  return isRelay ? { relay: rest, page } : undefined
}
