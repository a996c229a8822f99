/** Written by `npm run build:wasm`: which binary the loader takes.  Never edited by hand. */

export const KERNEL_BYTES = 54258
/** SHA-256 of kernel.wasm. */
export const KERNEL_SHA256 = '7e6d7c1cf66919a45e08d55acfd3a97af8b8f382a5da89260cbbf48acabda2e7'
/** SHA-256 of what precedes its last section, which holds these bytes. */
export const KERNEL_ID = 'aaa0be2f83ff88edd3b6db14d24b6385e24bbf664d67623e9d55bd7eed87e6d6'
export const KERNEL_ID_SECTION = 'constellite.kernel'
