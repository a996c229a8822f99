/** Format: keys, sizes, ages and SQL values as the page shows them. */

import type { SqlValue } from '../../src/database/types.ts'

const SHORT_CHARACTERS = 8

/** The first eight hex digits: enough to tell a few keys and checksums apart by eye. */
export function shortHex(hex: string): string {
  return hex.slice(0, SHORT_CHARACTERS)
}

export function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}

export function formatSize(sizeBytes: number): string {
  if (sizeBytes < 1024) return `${sizeBytes} B`
  if (sizeBytes < 1_048_576) return `${(sizeBytes / 1024).toFixed(1)} KiB`
  return `${(sizeBytes / 1_048_576).toFixed(1)} MiB`
}

export function formatCount(count: number | bigint): string {
  return count.toLocaleString('en').replaceAll(',', ' ')
}

/** "now", "12 s", "3 min", "2 h", "5 d". */
export function formatAge(ageMs: number): string {
  const seconds = Math.max(0, Math.floor(ageMs / 1000))
  if (seconds < 2) return 'now'
  if (seconds < 120) return `${seconds} s ago`
  if (seconds < 7200) return `${Math.floor(seconds / 60)} min ago`
  if (seconds < 172_800) return `${Math.floor(seconds / 3600)} h ago`
  return `${Math.floor(seconds / 86_400)} d ago`
}

export function formatValue(value: SqlValue): string {
  if (value === null) return 'NULL'
  if (value instanceof Uint8Array) {
    const start = hexOf(value.subarray(0, SHORT_CHARACTERS))
    return `x'${start}${value.length > SHORT_CHARACTERS ? '…' : ''}' (${value.length} B)`
  }
  return String(value)
}
