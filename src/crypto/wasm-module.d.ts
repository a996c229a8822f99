/** In workerd a static import of a .wasm file is its compiled module. */
declare module '*.wasm' {
  const module: WebAssembly.Module
  // biome-ignore lint/style/noDefaultExport: that is the one export such an import has
  export default module
}
