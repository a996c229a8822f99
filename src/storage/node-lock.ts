/** Exclusive ownership of a folder on Node, freed by a crash or kill.
 *  Keeps: on Linux and Windows an address that the system frees with its process decides (an abstract
 *  socket, a named pipe), named from the folder's device and inode, so that a rename or a second path
 *  changes nothing; a heartbeat file guards where that address is not shared: other network
 *  namespaces, other machines, macOS.
 *  Never: keeps the process alive once owned.
 *  Weakness: any local user may take the address of a folder whose inode he knows, which denies the
 *  database and harms nothing else. */

import { readFileSync, readlinkSync, statSync } from 'node:fs'
import { hostname } from 'node:os'
import { MessageChannel } from 'node:worker_threads'
import type { Host } from '../base/host.ts'
import { formatHex } from '../bytes/text.ts'
import { inUseFailure, type Owner } from './failures.ts'
import { nodeFailure } from './node-errors.ts'
import { type BeatRecord, claimHeartbeat, type Heartbeat, readBeat } from './node-heartbeat.ts'
import { askOwner, holdAddress, type OwnerAddress } from './node-owner-address.ts'
import type { Ownership } from './owned.ts'

export type DirectoryToOwn = { readonly name: string; readonly directory: string }

/** An owner may leave between the refusal and the question; then the address is tried again. */
const ADDRESS_ATTEMPTS_MAX = 5

/** Owners in this realm by device and inode, as macOS has no address that would refuse a second. */
const ownersHere = new Map<string, Owner>()

export async function ownDirectory(host: Host, target: DirectoryToOwn): Promise<Ownership> {
  const key = identityOf(target.directory)
  const ownerHere = ownersHere.get(key)
  if (ownerHere !== undefined) throw inUseFailure(target.name, ownerHere)
  const self: Owner = { who: host.who, sinceMs: host.now() }
  ownersHere.set(key, self)
  // Waiting for an owner's answer or heartbeat is work in progress; the Host's timers would let the
  // process end in the middle of it.
  const { port1 } = new MessageChannel()
  port1.on('message', () => {})
  try {
    const address = await takeAddress(host, target, { path: addressOf(key), self })
    const heartbeat = await takeHeartbeat(host, target, { address, self })
    return {
      check: heartbeat.check,
      async release() {
        heartbeat.release()
        await address?.release()
        ownersHere.delete(key)
      },
    }
  } catch (error) {
    ownersHere.delete(key)
    throw error
  } finally {
    port1.close()
  }
}

function identityOf(directory: string): string {
  try {
    const { dev, ino } = statSync(directory, { bigint: true })
    return `${dev}-${ino}`
  } catch (error) {
    throw nodeFailure('look at the database folder', error)
  }
}

/** The address, or undefined where the platform has none. */
async function takeAddress(
  host: Host,
  target: DirectoryToOwn,
  { path, self }: { readonly path: string | undefined; readonly self: Owner },
): Promise<OwnerAddress | undefined> {
  if (path === undefined) return undefined
  for (let attempt = 0; attempt < ADDRESS_ATTEMPTS_MAX; attempt++) {
    const outcome = await holdAddress(path, self)
    if (outcome === 'unsupported') return undefined
    if (outcome !== 'taken') return outcome
    const answer = await askOwner(host, path)
    if (answer === 'busy') throw inUseFailure(target.name, ownerFromFile(target.directory))
    if (answer !== 'gone') throw inUseFailure(target.name, answer)
  }
  throw inUseFailure(target.name, undefined)
}

async function takeHeartbeat(
  host: Host,
  target: DirectoryToOwn,
  { address, self }: { readonly address: OwnerAddress | undefined; readonly self: Owner },
): Promise<Heartbeat> {
  const record: BeatRecord = {
    who: self.who,
    since: self.sinceMs,
    realm: realmOf(),
    hasAddress: address !== undefined,
    pid: process.pid,
    nonce: formatHex(host.random(16)),
  }
  try {
    return await claimHeartbeat(host, {
      ...target,
      record,
      judge: (other) => judge(other, record),
    })
  } catch (error) {
    await address?.release()
    throw error
  }
}

/** What is known of the writer of `other`, so that nobody has to wait for its file to move or age. */
function judge(other: BeatRecord, own: BeatRecord): 'dead' | 'alive' | 'unknown' {
  if (other.realm === '' || other.realm !== own.realm) return 'unknown'
  // It held the address that is now ours, and only its death (or its close) can have freed it.
  if (other.hasAddress) return own.hasAddress ? 'dead' : 'unknown'
  // Elsewhere process ids are those of the whole machine; Linux has namespaces of them.
  if (process.platform === 'linux') return 'unknown'
  return isProcessAlive(other.pid) ? 'alive' : 'dead'
}

function isProcessAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    // EPERM: alive, and another user's.
    return !(error instanceof Error && 'code' in error && error.code === 'ESRCH')
  }
}

/** An owner too busy to answer its socket has said in its file who it is. */
function ownerFromFile(directory: string): Owner | undefined {
  const record = readBeat(directory)?.record
  return record?.hasAddress && record.realm === realmOf()
    ? { who: record.who, sinceMs: record.since }
    : undefined
}

function addressOf(key: string): string | undefined {
  if (process.platform === 'linux') return `\0constellite-${key}`
  if (process.platform === 'win32') return `\\\\.\\pipe\\constellite-${key}`
  return undefined
}

/** Names those who share our addresses: one boot of one machine and one network namespace.  '' where
 *  that cannot be told. */
function realmOf(): string {
  if (process.platform !== 'linux') return `${process.platform} ${hostname()}`
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
    return `${boot} ${readlinkSync('/proc/self/ns/net')}`
  } catch {
    // Without /proc nothing is known, so nobody is declared dead before time.
    return ''
  }
}
