/** A relay on Cloudflare: every path of this Worker is one, in a Durable Object of its own. */
import { relayWorker } from 'constellite/edge'

export { RelayObject } from 'constellite/edge'
export default relayWorker
