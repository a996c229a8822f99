/** Vite serves and builds the demo, nothing else: the package is built by scripts/build.ts. */

import { join } from 'node:path'
import { defineConfig, type Plugin, type UserConfig } from 'vite'

/** `open` names the worker that the built package has beside it.  Here are its sources, and Vite bundles
 *  whatever `new Worker` names, also on the way that a page with a worker of its own never takes. */
function packageWorker(): Plugin {
  const named = join(import.meta.dirname, 'src/platform/worker.js')
  const source = join(import.meta.dirname, 'workers/database.ts')
  return {
    name: 'package-worker',
    enforce: 'pre',
    apply: 'build',
    resolveId: (id) => (id === named ? source : null),
  }
}

const config: UserConfig = defineConfig({
  root: 'demo',
  // Prebundled, sqlite-wasm would look for its .wasm beside the bundle.
  optimizeDeps: { exclude: ['@sqlite.org/sqlite-wasm'] },
  worker: { format: 'es', plugins: () => [packageWorker()] },
  // The demo imports ../src and ../workers.
  server: { fs: { allow: ['..'] } },
  build: { outDir: '../.cache/demo', emptyOutDir: true, target: 'es2022' },
})
export default config
