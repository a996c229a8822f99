/** Vite serves and builds the demo, nothing else: the package is built by scripts/build.ts. */

import { defineConfig, type UserConfig } from 'vite'

const config: UserConfig = defineConfig({
  root: 'demo',
  // Prebundled, sqlite-wasm would look for its .wasm beside the bundle.
  optimizeDeps: { exclude: ['@sqlite.org/sqlite-wasm'] },
  worker: { format: 'es' },
  // The demo imports ../src and ../workers.
  server: { fs: { allow: ['..'] } },
  build: { outDir: '../.cache/demo', emptyOutDir: true, target: 'es2022' },
})
export default config
