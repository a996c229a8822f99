/** Milliseconds of processor time that this process has used, all of its threads: what else runs on the
 *  machine does not count, but for what it does to caches.  Node only; a page has nothing like it. */
export function processorNow(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}
