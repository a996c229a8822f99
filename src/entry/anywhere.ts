/** The types of `constellite`, one set for every platform, so that a project needs no setting of its own to be
 *  compiled for a Worker: `open` takes the object's `ctx` first in a Durable Object, and a name everywhere else.
 *  Which of the two a platform takes it says at run time too (ErrOption).
 *  Never: runs; each platform's own entry does. */

import type { OpenOptions } from '../database/options.ts'
import type { RemoveOptions } from '../database/remove.ts'
import type { OpeningDatabase } from '../database/types.ts'
import type { ObjectContext } from '../platform/workerd.ts'

export type { ObjectContext, ObjectStorage } from '../platform/workerd.ts'
export * from './face.ts'

export declare const open: {
  /** In the constructor of a Durable Object. */
  (ctx: ObjectContext, name?: string, options?: OpenOptions): OpeningDatabase
  /** Anywhere else. */
  (name: string, options?: OpenOptions): OpeningDatabase
}

export declare const remove: {
  /** Deletes a closed database of this object. */
  (ctx: ObjectContext, name?: string): Promise<boolean>
  /** Deletes the closed database of this name.  Resolves with false when there is none. */
  (name: string, options?: RemoveOptions): Promise<boolean>
}
