/** `constellite` in workerd: `open(ctx, name)` in a Durable Object, and the same object from there on. */

export { type ObjectContext, type ObjectStorage, open, remove } from '../platform/workerd.ts'
export * from './face.ts'
