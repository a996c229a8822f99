/** Key stores keep their contract, key files are whole and private, and a copy's keys are made once. */

import * as fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { orThrow } from '../../src/base/failure.ts'
import type { Hlc } from '../../src/base/ids.ts'
import { publicKeyFromSeed } from '../../src/crypto/signer-noble.ts'
import { createGenesis } from '../../src/frame/genesis.ts'
import { checkOwner, identityStatus, openCopyKeys } from '../../src/identity/copy-keys.ts'
import { createIdentity } from '../../src/identity/create-identity.ts'
import { createDurableObjectKeyStore } from '../../src/identity/key-store-durable-object.ts'
import { createMemoryKeyStore } from '../../src/identity/key-store-memory.ts'
import { createNodeKeyStore } from '../../src/identity/key-store-node.ts'
import { keyStoreCases } from '../../src/testing/key-store-suite.ts'
import { createRandom } from '../../src/testing/random.ts'
import { createFakeObjectStorage } from '../support/object-storage.ts'

const folders: string[] = []
afterEach(() => {
  for (const folder of folders.splice(0)) fs.rmSync(folder, { recursive: true })
})

function folder(): string {
  const made = fs.mkdtempSync(join(tmpdir(), 'constellite-keys-'))
  folders.push(made)
  return made
}

const memoryStore = (seed = 1) => createMemoryKeyStore(createRandom(seed).bytes)

describe('the memory key store', () => {
  it.each(keyStoreCases())('$name', async ({ run }) => {
    let seed = 0
    await run({ isKept: false, open: () => memoryStore(++seed) })
  })
})

describe('the key store in a Durable Object', () => {
  const { bytes: random } = createRandom(7)

  it.each(keyStoreCases())('$name', async ({ run }) => {
    const storage = createFakeObjectStorage()
    const open = (name: string) => createDurableObjectKeyStore(storage, { name, random })
    await run({ isKept: true, open })
  })

  it('answers a key only after the platform has confirmed it, and counts its row', async () => {
    const storage = createFakeObjectStorage()
    const meter = { rowsWritten: 0 }
    const store = createDurableObjectKeyStore(storage, { name: 'notes', random, meter })
    const made = await store.create('author')
    expect([meter.rowsWritten, storage.rowsWritten]).toEqual([1, 1])
    const after = createDurableObjectKeyStore(storage.crash(), { name: 'notes', random })
    expect((await after.load('author'))?.publicKey).toEqual(made.publicKey)
    storage.failSync('Internal error in Durable Object storage write')
    await expect(store.create('owner')).rejects.toMatchObject({ code: 'ErrStorage' })
  })

  it('refuses what is no seed', async () => {
    const storage = createFakeObjectStorage()
    const store = createDurableObjectKeyStore(storage, { name: 'notes', random })
    await store.create('author')
    storage.sql.exec("UPDATE constellite_keys SET seed = x'00'")
    await expect(store.load('author')).rejects.toMatchObject({ code: 'ErrIdentity' })
  })
})

describe('the file key store', () => {
  it.each(keyStoreCases())('$name', async ({ run }) => {
    const root = folder()
    const open = (name: string) => {
      fs.mkdirSync(join(root, name), { recursive: true })
      return createNodeKeyStore(join(root, name))
    }
    await run({ isKept: true, open })
  })

  it('writes a PKCS#8 PEM that only its owner can read, and leaves nothing else', async () => {
    const root = folder()
    await createNodeKeyStore(root).create('author')
    expect(fs.readdirSync(root)).toEqual(['author.key'])
    expect(fs.statSync(join(root, 'author.key')).mode & 0o777).toBe(0o600)
    expect(fs.readFileSync(join(root, 'author.key'), 'utf8')).toMatch(
      /^-----BEGIN PRIVATE KEY-----\n[A-Za-z0-9+/]{64}\n-----END PRIVATE KEY-----\n$/,
    )
  })

  it('flushes the key, then names it, then flushes its folder, before anyone can use it', async () => {
    const order: string[] = []
    const record =
      <T extends unknown[]>(name: string, call: (...parameters: T) => void) =>
      (...parameters: T): void => {
        order.push(name)
        call(...parameters)
      }
    const store = createNodeKeyStore(folder(), {
      writeFileSync: record('write', fs.writeFileSync),
      fsyncSync: record('flush', fs.fsyncSync),
      renameSync: record('rename', fs.renameSync),
    })
    await store.create('author')
    expect(order).toEqual(['write', 'flush', 'rename', 'flush'])
  })

  it('keeps nothing, and says so, when the flush fails', async () => {
    const root = folder()
    const fsyncSync = (): void => {
      throw new Error('EIO')
    }
    const store = createNodeKeyStore(root, { ...fs, fsyncSync })
    await expect(store.create('author')).rejects.toMatchObject({ code: 'ErrStorage' })
    expect(await store.load('author')).toBeUndefined()
    expect(fs.existsSync(join(root, 'author.key'))).toBe(false)
  })

  it('narrows the mode of a key file that others could read', async () => {
    const root = folder()
    await createNodeKeyStore(root).create('author')
    fs.chmodSync(join(root, 'author.key'), 0o644)
    expect(await createNodeKeyStore(root).load('author')).toBeDefined()
    expect(fs.statSync(join(root, 'author.key')).mode & 0o777).toBe(0o600)
  })

  it('takes what a crash left unfinished for nothing', async () => {
    const root = folder()
    fs.writeFileSync(join(root, 'author.key.new'), '-----BEGIN')
    const store = createNodeKeyStore(root)
    expect(await store.load('author')).toBeUndefined()
    await store.create('author')
    expect(fs.readdirSync(root)).toEqual(['author.key'])
  })

  it.each([
    ['cut short', '-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2Vw'],
    ['empty', ''],
    ['far too large', 'x'.repeat(5000)],
  ])('refuses a key file that is %s, and keeps it', async (_, text) => {
    const root = folder()
    fs.writeFileSync(join(root, 'author.key'), text, { mode: 0o600 })
    const store = createNodeKeyStore(root)
    await expect(store.load('author')).rejects.toMatchObject({ code: 'ErrIdentity' })
    await expect(store.create('author')).rejects.toMatchObject({ code: 'ErrIdentity' })
    expect(fs.readFileSync(join(root, 'author.key'), 'utf8')).toBe(text)
  })

  it('says so when the folder is not there', async () => {
    const store = createNodeKeyStore(join(folder(), 'missing'))
    expect(await store.load('author')).toBeUndefined()
    await expect(store.create('author')).rejects.toMatchObject({ code: 'ErrStorage' })
  })
})

describe('createIdentity', () => {
  it('gives a seed and its public key, new each time', async () => {
    const [first, second] = [await createIdentity(), await createIdentity()]
    expect(first.seed.byteLength).toBe(32)
    expect(publicKeyFromSeed(first.seed)).toEqual(first.publicKey)
    expect(second.seed).not.toEqual(first.seed)
  })
})

describe('the keys of a copy', () => {
  const identity = createRandom(21).bytes(32)
  const recovery = publicKeyFromSeed(createRandom(22).bytes(32))
  const genesisOf = (owner: Uint8Array, author: Uint8Array, lost?: Uint8Array) =>
    createGenesis({
      name: 'notes',
      mode: 'ordered',
      owner,
      recovery: lost,
      author,
      hlc: 1n as Hlc,
      random: new Uint8Array(16),
    })

  it('are made once: the next opening finds the same', async () => {
    const store = memoryStore()
    const first = await openCopyKeys(store, { beginsShard: true })
    const second = await openCopyKeys(store, { beginsShard: false })
    expect(second.author.publicKey).toEqual(first.author.publicKey)
    expect(second.owner?.publicKey).toEqual(first.owner?.publicKey)
    expect(first.owner?.publicKey).not.toEqual(first.author.publicKey)
  })

  it('have no owner key on a copy that follows', async () => {
    const keys = await openCopyKeys(memoryStore(), { beginsShard: false })
    expect(keys.owner).toBeUndefined()
  })

  it('are recoverable on a copy that follows only where the genesis names a recovery key', async () => {
    const keys = await openCopyKeys(memoryStore(), { beginsShard: false })
    const [owner, author] = [publicKeyFromSeed(identity), publicKeyFromSeed(identity)]
    expect(identityStatus(keys, undefined).recoverable).toBe(false)
    expect(identityStatus(keys, genesisOf(owner, author)).recoverable).toBe(false)
    expect(identityStatus(keys, genesisOf(owner, author, recovery)).recoverable).toBe(true)
  })

  it('stay recoverable when the database made with an identity is opened without it', async () => {
    const store = memoryStore()
    const made = await openCopyKeys(store, { identity, beginsShard: true })
    const genesis = genesisOf(publicKeyFromSeed(identity), made.author.publicKey)
    const later = await openCopyKeys(store, { beginsShard: false })
    expect(identityStatus(later, genesis).recoverable).toBe(true)
  })

  it('take a given identity as the owner and never keep it', async () => {
    const store = memoryStore()
    const keys = await openCopyKeys(store, { identity, beginsShard: true })
    expect(keys.owner?.publicKey).toEqual(publicKeyFromSeed(identity))
    expect(await store.load('owner')).toBeUndefined()
    expect(await openCopyKeys(store, { beginsShard: false })).toMatchObject({ owner: undefined })
  })

  it('are recoverable when identity or recovery was given, else not', async () => {
    const alone = await openCopyKeys(memoryStore(), { beginsShard: true })
    const owner = alone.owner?.publicKey ?? identity
    const author = alone.author.publicKey
    expect(identityStatus(alone, genesisOf(owner, author))).toEqual({
      publicKey: author,
      stored: 'memory',
      recoverable: false,
    })
    expect(identityStatus(alone, genesisOf(owner, author, recovery)).recoverable).toBe(true)
    expect(identityStatus(alone, undefined).recoverable).toBe(false)
    const given = await openCopyKeys(memoryStore(2), { identity, beginsShard: true })
    const genesis = genesisOf(publicKeyFromSeed(identity), given.author.publicKey)
    expect(identityStatus(given, genesis).recoverable).toBe(true)
  })

  it('refuse an identity that is not the owner, and one that is no seed', async () => {
    const keys = await openCopyKeys(memoryStore(), { identity, beginsShard: false })
    const author = keys.author.publicKey
    const other = genesisOf(recovery, author)
    expect(checkOwner(keys, other)).toMatchObject({ ok: false, failure: { code: 'ErrIdentity' } })
    expect(orThrow(checkOwner(keys, genesisOf(publicKeyFromSeed(identity), author)))).toBe(
      undefined,
    )
    await expect(
      openCopyKeys(memoryStore(), { identity: new Uint8Array(31), beginsShard: true }),
    ).rejects.toMatchObject({ code: 'ErrIdentity' })
  })
})
