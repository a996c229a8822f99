/** The conformance suite of Device: every implementation passes every case, on every platform.
 *  Framework-free: run each case and treat a throw as a failure.  Power loss is not in it, since no
 *  platform lets a test cut the power; `createFaultyDisk` is for that. */

import { fileCases } from './device-files.ts'
import type { DeviceCase } from './device-harness.ts'
import { directoryCases, misuseCases } from './device-life.ts'
import { ownershipCases } from './device-owners.ts'

export type { DeviceCase, DeviceContext } from './device-harness.ts'

export function deviceCases(): readonly DeviceCase[] {
  return [...fileCases, ...directoryCases, ...ownershipCases, ...misuseCases].map(
    ({ name, run }, index) => ({
      name,
      run: (context) => {
        // Each case has storage of its own, so that the order of the cases does not matter.
        const scoped = (suffix: string): string => `case-${index}-${suffix}`
        return run({ ...context, create: (suffix) => context.create(scoped(suffix)) })
      },
    }),
  )
}
