/** Types of a parser that has none. */

declare module 'parse-prometheus-text-format' {
  type Family = {
    readonly name: string
    readonly help: string
    readonly type: string
    readonly metrics: readonly {
      readonly value?: string
      readonly labels?: Readonly<Record<string, string>>
      readonly buckets?: Readonly<Record<string, string>>
      readonly count?: string
      readonly sum?: string
    }[]
  }
  // biome-ignore lint/style/noDefaultExport: it is the only export that the package has
  export default function parse(text: string): Family[]
}
