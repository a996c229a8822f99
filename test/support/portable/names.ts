/** The names of parametrised tests: `%s` and its like take the parameters in turn, `$key` a property of the
 *  only one, `%#` the index. */

export function formatName(
  template: string,
  parameters: readonly unknown[],
  index: number,
): string {
  let next = 0
  const filled = template.replace(/%([sdifjo#%])/g, (_, kind: string) => {
    if (kind === '%') return '%'
    if (kind === '#') return String(index)
    return format(kind, parameters[next++])
  })
  const [only] = parameters
  if (typeof only !== 'object' || only === null) return filled
  return filled.replace(/\$([A-Za-z_]\w*)/g, (whole, key: string) => {
    // Looked up by name only.
    const value = (only as Record<string, unknown>)[key]
    return value === undefined ? whole : format('s', value)
  })
}

function format(kind: string, value: unknown): string {
  if (kind === 'j' || kind === 'o') return formatJson(value)
  if (kind === 'd' || kind === 'i' || kind === 'f') return String(Number(value))
  return typeof value === 'object' && value !== null ? formatJson(value) : String(value)
}

function formatJson(value: unknown): string {
  const text = JSON.stringify(value, (_, it) => (typeof it === 'bigint' ? `${it}n` : it))
  return text ?? String(value)
}
