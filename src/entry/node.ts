/** `constellite` on Node and Deno.  Its types are the package's types: the face is one everywhere. */

export { open, remove } from '../platform/node.ts'
export * from './face.ts'
