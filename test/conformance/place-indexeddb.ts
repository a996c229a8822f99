/** The conformance suite's place in a browser without OPFS: everything as with it, but for where it is kept. */

import type { Place } from './place.ts'
import { place as withOpfs } from './place-browser.ts'

export const place: Place = { ...withOpfs, storageKind: 'indexeddb' }
