/** `constellite` in a page: the same names as on Node; the database lives in a worker. */

export { open } from '../platform/browser.ts'
export * from './face.ts'
