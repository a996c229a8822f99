/** `constellite` in a browser's page; built into one file with the worker beside it. */

export { open, remove } from '../platform/browser.ts'
export * from './face.ts'
