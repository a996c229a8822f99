/** Power cuts and failing disks at every write and every sync of a repair: afterwards the copy is refused as
 *  before, or it stands where the repair would have left it and the damaged log is kept whole. */

import { expect, it } from 'vitest'
import { isFailure } from '../../src/base/failure.ts'
import { signerFromSeed } from '../../src/crypto/signer-noble.ts'
import { openShard } from '../../src/shard/open.ts'
import type { Shard } from '../../src/shard/shard.ts'
import { createFaultyDisk, type FaultyDisk } from '../../src/storage/faulty.ts'
import { createManualHost, type ManualHost } from '../../src/testing/manual-host.ts'
import { createRandom } from '../../src/testing/random.ts'
import { groupsOf } from '../support/rewrite-log.ts'
import {
  catchUp,
  commit,
  contents,
  drive,
  OWNER,
  openOn,
  openWriter,
  seedOf,
} from './shard-fixtures.ts'

/** More steps than a repair has. */
const STEPS_MAX = 60
const DRAWS = 4

type Kind = { readonly seed: number; readonly follow: Uint8Array | undefined }

async function opening(
  disk: FaultyDisk,
  host: ManualHost,
  { seed, follow, repair }: Kind & { readonly repair: boolean },
): Promise<Shard> {
  disk.abandon()
  const device = disk.device(host)
  await device.acquire()
  const create =
    follow === undefined
      ? ({ type: 'genesis', genesis: { name: 'test', owner: OWNER.publicKey } } as const)
      : ({ type: 'follow', shard: follow } as const)
  const signer = signerFromSeed(seedOf(seed))
  const open = openShard({ host, device, signer, repair, create })
  return (await drive(host, open)).shard
}

/** Changes bytes of a file of a shard that was killed. */
async function change(
  disk: FaultyDisk,
  host: ManualHost,
  name: string,
  edit: (bytes: Uint8Array) => void,
): Promise<void> {
  disk.abandon()
  const device = disk.device(host)
  await device.acquire()
  const [file] = await device.open([name])
  if (file === undefined) throw new Error('the file is there')
  const bytes = new Uint8Array(file.size())
  file.read(0, bytes)
  edit(bytes)
  file.write(0, bytes)
  await file.sync()
  await device.close()
}

function damage(bytes: Uint8Array): void {
  const at = (groupsOf(bytes)[3]?.bodyAt ?? 0) + 9
  bytes[at] = (bytes[at] as number) ^ 1
}

/** Sizes of the copies that are kept. */
async function keptSizes(disk: FaultyDisk, host: ManualHost): Promise<readonly number[]> {
  const device = disk.crash(() => true).device(host)
  await device.acquire()
  const names = (await device.list()).filter((name) => name.startsWith('damaged-'))
  return (await device.open(names)).map((file) => file.size())
}

async function failEverywhere(
  kind: Kind,
  fault: 'write' | 'sync',
  prepare: () => Promise<FaultyDisk>,
): Promise<void> {
  const host = createManualHost({ seed: 3 })
  const whole = await prepare()
  const expected = contents(await opening(whole, host, { ...kind, repair: true }))
  const [keptBytes] = await keptSizes(whole, host)
  let isComplete = false
  for (let step = 1; !isComplete; step++) {
    expect(step).toBeLessThan(STEPS_MAX)
    for (let draw = 0; draw < DRAWS; draw++) {
      const where = `${fault} ${step}, draw ${draw}`
      const disk = await prepare()
      if (fault === 'write') disk.failWrite(step, draw * 100)
      else disk.failSync(step)
      const failure = await opening(disk, host, { ...kind, repair: true }).then(
        () => undefined,
        (error: unknown) => error,
      )
      isComplete = failure === undefined
      expect(failure === undefined || isFailure(failure), where).toBe(true)
      const random = createRandom(step * 10 + draw)
      const cut = disk.crash(() => draw === 1 || (draw > 1 && random.chance(0.5)))
      const plain = await opening(cut, host, { ...kind, repair: false }).catch(
        (error) => error.code,
      )
      if (plain === 'ErrCorrupt') {
        const again = await opening(cut, host, { ...kind, repair: true })
        expect(contents(again), where).toEqual(expected)
      } else expect(contents(plain), where).toEqual(expected)
      expect(await keptSizes(cut, host), where).toContain(keptBytes)
    }
  }
}

it.each(['write', 'sync'] as const)('every failing %s of a repair', async (fault) => {
  await failEverywhere({ seed: 1, follow: undefined }, fault, async () => {
    const host = createManualHost()
    const disk = createFaultyDisk()
    const shard = await drive(host, openOn(disk.device(host), host))
    for (const fill of [1, 2, 3, 4, 5, 6]) {
      await commit(shard, { 1: fill, 2: fill })
      await shard.seal()
    }
    await change(disk, host, 'log-0', damage)
    return disk
  })
})

it.each(['write', 'sync'] as const)('every failing %s of beginning anew', async (fault) => {
  // The same host makes the same shard.
  const follow = (await openWriter()).shard.id
  await failEverywhere({ seed: 2, follow }, fault, async () => {
    const { shard: writer } = await openWriter()
    await commit(writer, { 1: 1, 2: 2 })
    const host = createManualHost({ seed: 2 })
    const disk = createFaultyDisk()
    const copy = await drive(host, openOn(disk.device(host), host, { seed: 2, follow }))
    copy.adoptAuthority(writer.authority)
    await catchUp(writer, copy)
    await drive(host, copy.checkpoint())
    for (const fill of [3, 4, 5, 6]) {
      await commit(writer, { 1: fill })
      await catchUp(writer, copy)
    }
    await change(disk, host, 'pages-0', (bytes) => bytes.fill(6, 0, 512))
    const device = disk.crash(() => true).device(host)
    await device.acquire()
    for (const name of (await device.list()).filter((one) => one.startsWith('log-'))) {
      await change(disk, host, name, (bytes) => groupsOf(bytes).length > 4 && damage(bytes))
    }
    return disk
  })
})
