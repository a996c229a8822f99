/** Opens the database named by its argument, writes, says "owned" or the failure's code, and stays
 *  until it is told to close on stdin, or killed. */

import { once } from 'node:events'
import { failureOf } from '../../../src/base/failure.ts'
import { createNodeHost } from '../../../src/platform/host-node.ts'
import { createNodeDevice } from '../../../src/storage/node-fs.ts'

const device = createNodeDevice(createNodeHost(), { name: String(process.argv[2]) })
try {
  await device.acquire()
  const [file] = await device.open(['data'])
  file?.write(0, new TextEncoder().encode(`node ${process.pid}`))
  await file?.sync()
  console.log('owned')
  // Anything to keep the process alive, which the device must not do.
  await once(process.stdin, 'data')
  await device.close()
  console.log('closed')
  process.stdin.destroy()
} catch (error) {
  console.log(failureOf(error).code)
}
