export declare const PLANTS: Readonly<Record<string, unknown>>
