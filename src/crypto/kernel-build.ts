/** Written by `npm run build:wasm`: which binary the loader takes.  Never edited by hand. */

export const KERNEL_BYTES = 51969
/** SHA-256 of kernel.wasm. */
export const KERNEL_SHA256 = '79940cff9be87439f7f0d148d8ae8a44842d50937277e0cd1e804df53946de3f'
/** SHA-256 of what precedes its last section, which holds these bytes. */
export const KERNEL_ID = '952610d6f9768d4cc01e92a3ab4f380643cab41547328069d5a24dcf39b7442f'
export const KERNEL_ID_SECTION = 'constellite.kernel'
