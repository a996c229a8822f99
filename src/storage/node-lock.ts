/** Exclusive ownership of a folder on Node, freed by a crash or kill.
 *  Keeps: on Linux and Windows an address that the system frees with its process decides (an abstract
 *  socket, a named pipe), named from the folder's device and inode, so that a rename or a second path
 *  changes nothing; a heartbeat file guards where that address is not shared: other network
 *  namespaces, other machines, macOS, and Bun beside Node or Deno, which cannot name one address alike.
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
import { isProcessAlive, judgeProcess, processName } from './node-process.ts'
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
    const address = await takeAddress(host, target, { key, self })
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

type HeldAddress = OwnerAddress & {
  /** Those who name addresses in the same form refuse one another. */
  readonly form: string
}

/** The address, or undefined where the platform has none. */
async function takeAddress(
  host: Host,
  target: DirectoryToOwn,
  { key, self }: { readonly key: string; readonly self: Owner },
): Promise<HeldAddress | undefined> {
  for (const { form, path } of addressesOf(key)) {
    const held = await takeOne(host, target, { path, self, form })
    if (held !== 'unsupported') return { release: held.release, form }
  }
  return undefined
}

type OneAddress = { readonly path: string; readonly self: Owner; readonly form: string }

async function takeOne(
  host: Host,
  target: DirectoryToOwn,
  { path, self, form }: OneAddress,
): Promise<OwnerAddress | 'unsupported'> {
  for (let attempt = 0; attempt < ADDRESS_ATTEMPTS_MAX; attempt++) {
    const outcome = await holdAddress(path, self)
    if (outcome !== 'taken') return outcome
    const answer = await askOwner(host, path)
    if (answer === 'busy') throw inUseFailure(target.name, ownerFromFile(target.directory, form))
    if (answer !== 'gone') throw inUseFailure(target.name, answer)
  }
  throw inUseFailure(target.name, undefined)
}

async function takeHeartbeat(
  host: Host,
  target: DirectoryToOwn,
  { address, self }: { readonly address: HeldAddress | undefined; readonly self: Owner },
): Promise<Heartbeat> {
  const record: BeatRecord = {
    who: self.who,
    since: self.sinceMs,
    realm: realmOf(address?.form),
    hasAddress: address !== undefined,
    pid: process.pid,
    process: processName(process.pid),
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
  const isRealmShared = other.realm !== '' && other.realm === own.realm
  // It held the address that is now ours, and only its death (or its close) can have freed it.
  if (isRealmShared && other.hasAddress && own.hasAddress) return 'dead'
  if (process.platform === 'linux') return judgeProcess(other.process, other.pid)
  // Elsewhere process ids are those of the whole machine; Linux has namespaces of them.
  if (!isRealmShared || other.hasAddress) return 'unknown'
  return isProcessAlive(other.pid) ? 'alive' : 'dead'
}

/** An owner too busy to answer its socket has said in its file who it is. */
function ownerFromFile(directory: string, form: string): Owner | undefined {
  const record = readBeat(directory)?.record
  return record?.hasAddress && record.realm === realmOf(form)
    ? { who: record.who, sinceMs: record.since }
    : undefined
}

/** `sockaddr_un` has room for this much, and for a NUL before it, which makes the address abstract. */
const ABSTRACT_BYTES = 107

/** In the order in which they are tried.  Node 20 fills the rest of an abstract address with NULs and Deno and
 *  Bun do not, which makes two addresses of one short name; a name without a rest is one for all but Bun,
 *  which refuses it and takes the short one. */
function addressesOf(key: string): readonly { readonly form: string; readonly path: string }[] {
  const name = `constellite-${key}`
  if (process.platform === 'win32') return [{ form: 'pipe', path: `\\\\.\\pipe\\${name}` }]
  if (process.platform !== 'linux') return []
  return [
    { form: 'full', path: `\0${name.padEnd(ABSTRACT_BYTES, '.')}` },
    { form: 'short', path: `\0${name}` },
  ]
}

/** Names those who share our addresses: one boot of one machine, one network namespace, one form of address.
 *  '' where that cannot be told. */
function realmOf(form: string | undefined): string {
  if (process.platform !== 'linux') return `${process.platform} ${hostname()}`
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
    return `${boot} ${readlinkSync('/proc/self/ns/net')} ${form ?? ''}`
  } catch {
    // Without /proc nothing is known, so nobody is declared dead before time.
    return ''
  }
}
