/** The list of test files that a bundle of bundle.ts holds. */

declare module '#files' {
  export const files: readonly import('./run.ts').PortableFile[]
}
