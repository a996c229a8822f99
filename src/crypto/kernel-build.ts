/** Written by `npm run build:wasm`: which binary the loader takes.  Never edited by hand. */

export const KERNEL_BYTES = 51446
/** SHA-256 of kernel.wasm. */
export const KERNEL_SHA256 = '2e4e72280577968640be172d96518680372379922d33196bbff6828eddb8614d'
/** SHA-256 of what precedes its last section, which holds these bytes. */
export const KERNEL_ID = '8a5e11f18e5aa4002759ea8fc5de8f55f0585251d43679f39ffbd1cbac0d9bcc'
export const KERNEL_ID_SECTION = 'constellite.kernel'
