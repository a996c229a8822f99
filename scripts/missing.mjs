/** Stands behind npm scripts whose subject is not built yet: says what is missing, and fails, so that
 *  nobody takes silence for success.  The script's name moves to the real thing when that exists. */

const MISSING = {
  'build:wasm':
    'there are no WASM kernels yet: hashing and verifying run on @noble, and sqlite3.wasm comes built from @sqlite.org/sqlite-wasm',
  'test:workerd': 'the package does not run in workerd yet, so there is nothing to test there',
  'test:nightly': 'there is no nightly suite yet: npm test runs every test that exists',
}

const name = process.argv[2] ?? ''
console.error(`${name}: ${MISSING[name] ?? 'no such script'}.`)
process.exitCode = 1
