/** Opens the database named by its argument and ends without closing it: must end by itself. */

import { createNodeHost } from '../../../src/platform/host-node.ts'
import { createNodeDevice } from '../../../src/storage/node-fs.ts'

const device = createNodeDevice(createNodeHost(), { name: String(process.argv[2]) })
await device.acquire()
await device.open(['data'])
console.log('owned')
