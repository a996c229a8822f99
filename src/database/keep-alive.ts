/** Keep alive: a call that somebody waits for holds the process; an idle database does not.
 *  Subscriptions and open connections are idle: whoever wants to wait for them awaits something. */

/** Holds the process until the answered function is called; does nothing where there is no process. */
export type KeepAlive = () => () => void

/** The same promise, held until it has settled. */
export function held<T>(keepAlive: KeepAlive, promise: Promise<T>): Promise<T> {
  const release = keepAlive()
  promise.then(release, release)
  return promise
}
