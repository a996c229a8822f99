/** Vite serves and builds the demo, nothing else: the package is built by scripts/build.ts. */

import { join } from 'node:path'
import { defineConfig, type Plugin, type UserConfig } from 'vite'

/** `open` names workers that the built package has beside it (scripts/build.ts makes them of this source),
 *  and Vite bundles whatever `new Worker` names, also for a page that brings a worker of its own. */
function packageWorkers(): Plugin {
  const named = join(import.meta.dirname, 'src/platform/worker')
  const source = join(import.meta.dirname, 'workers/database.ts')
  return {
    name: 'package-workers',
    enforce: 'pre',
    apply: 'build',
    resolveId: (id) => (id.startsWith(named) && id.endsWith('.js') ? source : null),
  }
}

const config: UserConfig = defineConfig({
  root: 'demo',
  // Prebundled, sqlite-wasm would look for its .wasm beside the bundle.
  optimizeDeps: { exclude: ['@sqlite.org/sqlite-wasm'] },
  worker: { format: 'es', plugins: () => [packageWorkers()] },
  // The demo imports ../src and ../workers.
  server: { fs: { allow: ['..'] } },
  build: { outDir: '../.cache/demo', emptyOutDir: true, target: 'es2022' },
})
export default config
