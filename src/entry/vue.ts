/** `constellite/vue`: composables.  Needs `vue` installed beside this package. */

export type { LiveQuery } from '../bindings/live-query.ts'
export type { QueryState } from '../bindings/live-store.ts'
export { type QueryRefs, type UseQuery, useQuery, useStatus } from '../bindings/vue.ts'
