/** Device cases about exclusive ownership inside one realm; other processes and tabs have tests of
 *  their own, since a suite cannot start them. */

import { type DeviceCase, withDevice } from './device-harness.ts'
import { expectEqual, expectFailure, expectTrue } from './expect.ts'

export const ownershipCases: readonly DeviceCase[] = [
  {
    name: 'a second owner is refused with who and since, and may try again after a close',
    async run(context) {
      const second = context.create('a')
      await withDevice(context, 'a', async () => {
        const failure = await expectFailure('ErrInUse', () => second.acquire())
        expectEqual(failure.retry, 'later', 'retry')
        expectTrue(typeof failure.facts['who'] === 'string', 'the failure says who')
        expectTrue(failure.facts['who'] !== 'unknown', 'the owner could be asked')
        expectTrue(typeof failure.facts['since'] === 'number', 'the failure says since when')
        await expectFailure('ErrInUse', () => second.acquire())
      })
      await second.acquire()
      await second.close()
    },
  },
  {
    name: 'of several that ask at once exactly one becomes the owner',
    async run(context) {
      const devices = [1, 2, 3, 4].map(() => context.create('a'))
      const outcomes = await Promise.allSettled(devices.map((device) => device.acquire()))
      const refused = outcomes.flatMap((one) => (one.status === 'rejected' ? [one.reason] : []))
      await Promise.all(devices.map((device) => device.close()))
      expectEqual(refused.length, 3, 'refused')
      for (const reason of refused) await expectFailure('ErrInUse', () => Promise.reject(reason))
      await withDevice(context, 'a', async () => {})
    },
  },
  {
    name: 'databases of different names do not exclude each other',
    run: (context) => withDevice(context, 'a', () => withDevice(context, 'b', async () => {})),
  },
]
