/** Written by `npm run build:wasm`: which binary the loader takes.  Never edited by hand. */

export const KERNEL_BYTES = 51680
/** SHA-256 of kernel.wasm. */
export const KERNEL_SHA256 = '16fc0657afd2f8cb58d151c85adc0331400ba955feb980ca91eeba502828c13b'
/** SHA-256 of what precedes its last section, which holds these bytes. */
export const KERNEL_ID = '1025f50676e1871516b0ef41d3392837f132424575e6eee16421d18eab773d08'
export const KERNEL_ID_SECTION = 'constellite.kernel'
