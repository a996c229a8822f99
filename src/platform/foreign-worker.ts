/** Foreign worker: a script of another origin (a CDN), which `new Worker` refuses with a SecurityError.
 *  A module of the page's own origin that only imports it is allowed, where the other origin sends CORS
 *  headers; the script's own address stays its `import.meta.url`. */

export function startForeignWorker(url: string): Worker {
  const source = `import ${JSON.stringify(url)}`
  const blob = URL.createObjectURL(new Blob([source], { type: 'text/javascript' }))
  const worker = new Worker(blob, { type: 'module' })
  // The browser fetches it before the worker answers or fails; until then the address must stay.
  const forget = (): void => URL.revokeObjectURL(blob)
  worker.addEventListener('message', forget, { once: true })
  worker.addEventListener('error', forget, { once: true })
  return worker
}
