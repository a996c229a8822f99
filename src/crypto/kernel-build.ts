/** Written by `npm run build:wasm`: which binary the loader takes.  Never edited by hand. */

export const KERNEL_BYTES = 51586
/** SHA-256 of kernel.wasm. */
export const KERNEL_SHA256 = '0cf8ba7e5cff6f710f698126c42ba9e1e022fad14e5c246faa9ddedeaa58335b'
/** SHA-256 of what precedes its last section, which holds these bytes. */
export const KERNEL_ID = 'c7b5994ed5c813855878612c3a994e5b9a78ccb8412c21f245ec802c8b51f125'
export const KERNEL_ID_SECTION = 'constellite.kernel'
