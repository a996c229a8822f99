'use client'
/** `constellite/react`: hooks.  Needs `react` installed beside this package. */

export type { LiveQuery } from '../bindings/live-query.ts'
export type { QueryState } from '../bindings/live-store.ts'
export { type QueryHook, useQuery, useStatus, useSuspenseQuery } from '../bindings/react.ts'
