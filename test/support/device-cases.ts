/** Registers the device conformance suite with vitest. */

import { test } from 'vitest'
import { type DeviceContext, deviceCases } from '../../src/testing/device-suite.ts'

/** Rerun a failure with CONSTELLITE_SEED set to the seed that it names. */
export function testDevice(create: DeviceContext['create'], seed = 20_261_120): void {
  for (const { name, run } of deviceCases()) test(name, () => run({ create, seed }))
}
