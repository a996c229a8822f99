/** Bytes as text: lower-case hex, and base64url without padding (RFC 4648 §5).  Parsers are strict:
 *  one text for one byte string. */

import { fail, type Result, succeed } from '../base/failure.ts'

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))
const BASE64URL = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

export function formatHex(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) text += HEX[byte]
  return text
}

export function parseHex(text: string): Result<Uint8Array> {
  if (text.length % 2 !== 0 || !/^[0-9a-f]*$/i.test(text)) return refuse('hex', text)
  const bytes = new Uint8Array(text.length / 2)
  for (let index = 0; index < bytes.length; index++) {
    bytes[index] = Number.parseInt(text.slice(index * 2, index * 2 + 2), 16)
  }
  return succeed(bytes)
}

export function formatBase64url(bytes: Uint8Array): string {
  let text = ''
  for (let at = 0; at < bytes.length; at += 3) {
    const chunk = ((bytes[at] as number) << 16) | ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0)
    const digits = Math.min(bytes.length - at, 3) + 1
    for (let digit = 0; digit < digits; digit++) {
      text += BASE64URL[(chunk >> (18 - digit * 6)) & 63]
    }
  }
  return text
}

export function parseBase64url(text: string): Result<Uint8Array> {
  if (!/^[A-Za-z0-9_-]*$/.test(text) || text.length % 4 === 1) return refuse('base64url', text)
  const bytes = new Uint8Array(Math.floor((text.length * 3) / 4))
  let bits = 0
  let bitCount = 0
  let at = 0
  for (const digit of text) {
    bits = ((bits << 6) | BASE64URL.indexOf(digit)) & 0xffff
    bitCount += 6
    if (bitCount < 8) continue
    bitCount -= 8
    bytes[at++] = (bits >> bitCount) & 0xff
  }
  // Left-over bits must be zero, or two texts would mean one byte string.
  if ((bits & ((1 << bitCount) - 1)) !== 0) return refuse('base64url', text)
  return succeed(bytes)
}

function refuse(format: string, text: string): Result<never> {
  return fail({
    code: 'ErrDecode',
    message: `Not ${format}: ${JSON.stringify(text.slice(0, 40))}.`,
    hint: 'Copy the whole text again; nothing may be missing at its end.',
    facts: { format },
  })
}
