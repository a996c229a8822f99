/** `npm run build:wasm [-- --check]`: compiles the C sources of this folder into src/crypto/kernel.wasm and
 *  records its hashes in src/crypto/kernel-build.ts.  With `--check` it writes nothing and fails when the
 *  committed bytes are not the ones that the sources give, or the file is over its size.
 *  Keeps: the same sources and compiler give the same bytes, on any machine.
 *  Needs `npm install` in this folder once: the compiler is a package too, and nothing else. */

import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'

const HERE = fileURLToPath(new URL('.', import.meta.url))
const BINARY = fileURLToPath(new URL('../src/crypto/kernel.wasm', import.meta.url))
const RECORD = fileURLToPath(new URL('../src/crypto/kernel-build.ts', import.meta.url))
const COMPRESSED_BYTES_MAX = 26 * 1024
/** Names the build inside the binary, for runtimes that show a module but not its bytes. */
const SECTION = 'constellite.kernel'

const FLAGS = [
  '--target=wasm32',
  '-std=c17',
  '-I.',
  '-Wall',
  '-Wextra',
  '-Werror',
  // Small, with loops unrolled where the sources say so: as fast as -O3 at half the size.
  '-Os',
  '-msimd128',
  '-mbulk-memory',
  '-nostdlib',
  // There is no memset to call.
  '-fno-builtin-memset',
  // The vectoriser turns plain BLAKE3 and SHA-512 into shuffles: three times slower.
  '-fno-slp-vectorize',
  '-fno-vectorize',
  // Position-independent, in a memory that is given: its own, or SQLite's.
  '-fPIC',
  '-fvisibility=hidden',
  '-Wl,--experimental-pic',
  '-Wl,-shared',
  '-Wl,--import-memory',
  '-Wl,--no-entry',
  '-Wl,--strip-all',
]

async function main(parameters) {
  const isCheck = parameters.includes('--check')
  const linked = await compile()
  const id = sha256(linked)
  const binary = Buffer.concat([linked, customSection(SECTION, Buffer.from(id, 'hex'))])
  const compressed = gzipSync(binary, { level: 9 }).byteLength
  const record = recordOf(binary, id)
  console.log(`kernel.wasm: ${binary.byteLength} bytes, ${compressed} gzipped, ${sha256(binary)}`)
  if (compressed > COMPRESSED_BYTES_MAX) {
    throw new Error(`build:wasm: ${compressed} bytes gzipped, over ${COMPRESSED_BYTES_MAX}`)
  }
  if (!isCheck) {
    writeFileSync(BINARY, binary)
    writeFileSync(RECORD, record)
    return
  }
  if (!existsSync(BINARY) || !readFileSync(BINARY).equals(binary)) {
    throw new Error('build:wasm: src/crypto/kernel.wasm is not what the sources give')
  }
  if (readFileSync(RECORD, 'utf8') !== record) {
    throw new Error('build:wasm: src/crypto/kernel-build.ts is not of this binary')
  }
}

async function compile() {
  const { runClang } = await import('@yowasp/clang').catch((error) => {
    throw new Error('build:wasm: run `npm install` in wasm/ first', { cause: error })
  })
  const { tree, sources } = readSources()
  let log = ''
  const stderr = (bytes) => {
    log += bytes === null ? '' : Buffer.from(bytes).toString()
  }
  try {
    const options = { stderr, fetchProgress: () => {} }
    const command = ['clang', ...FLAGS, '-o', 'kernel.wasm', ...sources]
    const files = await runClang(command, tree, options)
    return Buffer.from(files['kernel.wasm'])
  } catch (error) {
    // The compiler's own message is the useful one; the error carries all input with it.
    throw new Error(`build:wasm: ${log || error}`)
  }
}

/** Folders as nested objects, which is how the compiler takes them. */
function readSources() {
  const tree = {}
  const sources = []
  const paths = readdirSync(`${HERE}src`, { recursive: true }).map((it) => it.replaceAll('\\', '/'))
  for (const path of paths.sort()) {
    if (!/\.[ch]$/.test(path)) continue
    const names = path.split('/')
    let folder = tree
    for (const name of names.slice(0, -1)) folder = folder[name] ??= {}
    folder[names.at(-1)] = readFileSync(`${HERE}src/${path}`, 'utf8')
    if (path.endsWith('.c')) sources.push(path)
  }
  return { tree, sources }
}

/** WebAssembly core specification 2.0, §5.5.3; both lengths fit one byte. */
function customSection(name, content) {
  const bytes = Buffer.from(name)
  const body = Buffer.concat([Buffer.of(bytes.byteLength), bytes, content])
  if (body.byteLength > 127) throw new Error('build:wasm: the section needs a longer length')
  return Buffer.concat([Buffer.of(0, body.byteLength), body])
}

function recordOf(binary, id) {
  return `/** Written by \`npm run build:wasm\`: which binary the loader takes.  Never edited by hand. */

export const KERNEL_BYTES = ${binary.byteLength}
/** SHA-256 of kernel.wasm. */
export const KERNEL_SHA256 = '${sha256(binary)}'
/** SHA-256 of what precedes its last section, which holds these bytes. */
export const KERNEL_ID = '${id}'
export const KERNEL_ID_SECTION = '${SECTION}'
`
}

function sha256(bytes) {
  return createHash('sha256').update(bytes).digest('hex')
}

try {
  await main(process.argv.slice(2))
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}
