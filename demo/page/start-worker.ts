/** Start worker: the demo's own worker, named after the database that lives in it. */

export function startWorker(name: string): Worker {
  return new Worker(new URL('../worker/main.ts', import.meta.url), { type: 'module', name })
}
