/** `constellite/svelte`: views for runes and stores.  Needs `svelte` installed beside this package. */

export type { LiveQuery } from '../bindings/live-query.ts'
export type { QueryState } from '../bindings/live-store.ts'
export { type QueryView, type UseQuery, useQuery, useStatus } from '../bindings/svelte.ts'
