/** Key store in files: `author.key` and `owner.key` in the database's folder, PKCS#8 in PEM, readable by
 *  their owner alone.  For Node, Deno and Bun.
 *  Keeps: a key file appears whole or not at all, and survives power loss before its key is used.
 *  Never: takes the folder for itself; the device that owns the folder keeps others out. */

import * as fs from 'node:fs'
import { join } from 'node:path'
import { ConstelliteError, orThrow } from '../base/failure.ts'
import type { Signer } from '../crypto/signer.ts'
import { createNodeKey, signerFromPem } from '../crypto/signer-node.ts'
import { KEY_NAMES, type KeyName, type KeyStore, keyExists } from './key-store.ts'

const MODE_OWNER_ONLY = 0o600
const MODE_OTHERS = 0o077
const UNFINISHED = '.new'
/** A PEM of an Ed25519 key has about 120 bytes. */
const KEY_FILE_BYTES_MAX = 4096

/** The calls whose order a test watches. */
export type KeyFileCalls = Pick<typeof fs, 'writeFileSync' | 'fsyncSync' | 'renameSync'>

/** `directory` exists: the device has made it. */
export function createNodeKeyStore(directory: string, calls: KeyFileCalls = fs): KeyStore {
  const pathOf = (name: KeyName): string => join(directory, `${name}.key`)
  return {
    stored: 'file',
    load: async (name) => attempt(name, 'read', () => readKey(pathOf(name))),
    create: async (name) =>
      attempt(name, 'write', () => makeKey({ directory, calls, name, path: pathOf(name) })),
    async remove() {
      for (const name of KEY_NAMES) {
        attempt(name, 'delete', () => {
          fs.rmSync(pathOf(name), { force: true })
          fs.rmSync(pathOf(name) + UNFINISHED, { force: true })
        })
      }
      attempt('author', 'delete', () => syncDirectory(directory, calls))
    },
    close: async () => {},
  }
}

function readKey(path: string): Signer | undefined {
  let file: number
  try {
    file = fs.openSync(path, 'r')
  } catch (error) {
    if (isCode(error, 'ENOENT')) return undefined
    throw error
  }
  try {
    const { mode, size } = fs.fstatSync(file)
    // Copied or restored with a wide mode: narrow it.  File systems without modes ignore this.
    if ((mode & MODE_OTHERS) !== 0) fs.fchmodSync(file, MODE_OWNER_ONLY)
    if (size > KEY_FILE_BYTES_MAX) return orThrow(signerFromPem(''))
    return orThrow(signerFromPem(fs.readFileSync(file, 'utf8')))
  } finally {
    fs.closeSync(file)
  }
}

type Making = {
  readonly directory: string
  readonly calls: KeyFileCalls
  readonly name: KeyName
  readonly path: string
}

function makeKey({ directory, calls, name, path }: Making): Signer {
  if (fs.existsSync(path)) throw keyExists(name)
  const pem = createNodeKey()
  const unfinished = path + UNFINISHED
  // What a crash left there was never used.
  fs.rmSync(unfinished, { force: true })
  const file = fs.openSync(unfinished, 'wx', MODE_OWNER_ONLY)
  try {
    calls.writeFileSync(file, pem)
    calls.fsyncSync(file)
  } finally {
    fs.closeSync(file)
  }
  calls.renameSync(unfinished, path)
  syncDirectory(directory, calls)
  return orThrow(signerFromPem(pem))
}

/** The name of a new file survives power loss only after its folder was flushed too. */
function syncDirectory(directory: string, calls: KeyFileCalls): void {
  let folder: number
  try {
    folder = fs.openSync(directory, 'r')
  } catch (error) {
    // Windows opens no folders; its file systems log names themselves.
    if (isCode(error, 'EISDIR') || isCode(error, 'EPERM')) return
    throw error
  }
  try {
    calls.fsyncSync(folder)
  } finally {
    fs.closeSync(folder)
  }
}

function attempt<T>(name: KeyName, what: string, task: () => T): T {
  try {
    return task()
  } catch (error) {
    if (error instanceof ConstelliteError) throw error
    throw new ConstelliteError({
      code: 'ErrStorage',
      message: `Could not ${what} the ${name} key beside the database.`,
      hint: 'Check that the folder exists and that this process may write in it.',
      facts: { name },
      retry: 'after-repair',
      cause: error,
    })
  }
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}
