/** Vite's way to the address of a file, as far as the tests use it. */
declare module '*?url' {
  const url: string
  // biome-ignore lint/style/noDefaultExport: Vite decides how it exports the address.
  export default url
}
