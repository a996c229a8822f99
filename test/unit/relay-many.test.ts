/** Many connections at once are nothing to warn of: a relay does not make Node print that it leaks listeners.
 *  Found by the simulator, whose relays have a dozen copies. */
import { expect, it } from 'vitest'
import { setUpRelay } from './relay-fixtures.ts'
import { testSigner } from './transport-fixtures.ts'

it('serves more connections than Node lets listen to one signal', async () => {
  const warnings: string[] = []
  const onWarning = ({ name }: Error): void => void warnings.push(name)
  process.on('warning', onWarning)
  const setup = await setUpRelay()
  for (let number = 1; number <= 14; number++) await setup.connect(testSigner(number), 'follower')
  expect(setup.relay.status.connections).toBe(14)
  await setup.host.advance(1)
  const closing = setup.relay.close()
  await setup.host.settle()
  await closing
  process.off('warning', onWarning)
  expect(warnings).toEqual([])
  expect(setup.relay.status.connections).toBe(0)
})
