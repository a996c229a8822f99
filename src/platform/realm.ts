/** Realm: what all copies of this package in one realm have in common, kept on `globalThis`: so a hot reload
 *  that evaluates the package again, or a second bundle in the process, finds the connections of the first.
 *  Keeps: only copies of one version share; between versions the shapes differ.
 *  Never: does anything on import; the first `open` makes it. */

/** This package's version; a test compares it with package.json. */
export const REALM_VERSION = '0.1.0'

/** What `make` made in this realm, by whichever copy asked first. */
export function oncePerRealm<T>(make: () => T): T {
  const key = Symbol.for(`constellite ${REALM_VERSION}`)
  // Only this function writes at this key, and one platform runs in a realm.
  const realm = globalThis as Record<symbol, unknown>
  realm[key] ??= make()
  // As above.
  return realm[key] as T
}
