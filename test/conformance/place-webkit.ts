/** The conformance suite's place in WebKitGTK: a browser without OPFS, and without `navigator.storage`. */

import type { Place } from './place.ts'
import { place as withEstimate } from './place-indexeddb.ts'

export const place: Place = { ...withEstimate, isSiteMeasured: false }
