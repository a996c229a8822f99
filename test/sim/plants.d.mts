export declare const PLANTS: Readonly<Record<string, { readonly checks: readonly string[] }>>
