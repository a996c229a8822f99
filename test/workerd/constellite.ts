/** `constellite` as the conformance suite imports it, in an object: the shipped file, whose `open` is given
 *  the object. */

import * as edge from '#edge'
import type { Open } from '../../src/database/open.ts'
import type { Remove } from '../../src/database/remove.ts'
import { here } from './here.ts'

export * from '#edge'

export const open: Open = (name, options) => edge.open(here().ctx, name, options)

export const remove: Remove = (name) => edge.remove(here().ctx, name)
