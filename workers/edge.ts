/** The relay as a whole Worker: what `constellite/edge` is bundled from, so that the shipped file can be deployed
 *  as it is. */

import { relayWorker } from '../src/entry/edge.ts'

export { RelayObject, relayWorker } from '../src/entry/edge.ts'
export default relayWorker
