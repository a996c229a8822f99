/** Written by `npm run build:wasm`: which binary the loader takes.  Never edited by hand. */

export const KERNEL_BYTES = 51961
/** SHA-256 of kernel.wasm. */
export const KERNEL_SHA256 = '687623bd70e8ca92bc2c24dc2ccd699cdb3469c684baf25ae4ecf5e976dfbe6c'
/** SHA-256 of what precedes its last section, which holds these bytes. */
export const KERNEL_ID = '882416439ae2d777cec7f5e141224d0406850c87843253db1df6753c0f709d52'
export const KERNEL_ID_SECTION = 'constellite.kernel'
