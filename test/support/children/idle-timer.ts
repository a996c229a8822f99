/** Sets a timer a minute ahead and defers one line: must print it and end at once. */

import { createNodeHost } from '../../../src/platform/host-node.ts'

const host = createNodeHost()
host.setTimer(60_000, () => {})
host.defer(() => process.stdout.write('deferred\n'))
