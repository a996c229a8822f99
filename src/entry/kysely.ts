/** `constellite/kysely`: a dialect, and live queries.  Needs `kysely` installed beside this package. */

export { createDialect, live } from '../bindings/kysely.ts'
export type { LiveQuery } from '../bindings/live-query.ts'
