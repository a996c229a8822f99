/** Database names as OPFS folder names: any name gives one folder, and no two names the same one.
 *  Keeps: only a-z, 0-9, hyphen, underscore and "=" appear, since some browsers store the name on a
 *  disk that cannot tell `A` from `a`; at most 120 characters, since disks stop at 255 bytes. */

import { ConstelliteError } from '../base/failure.ts'
import { formatHex } from '../bytes/text.ts'
import { hashOf } from '../crypto/hash.ts'

const FOLDER_NAME_MAX = 120
const HASH_CONTEXT = 'constellite opfs folder of a long name v1'
const HASHED_PREFIX_CHARACTERS = 40
const HASHED_BYTES = 32

/** Plain characters stay; each other byte of the UTF-8 text becomes "=" and two hex digits.  A longer
 *  result is cut and ends in "=." and a hash, which no plain one contains. */
export function nameToFolder(name: string): string {
  // A lone surrogate has no UTF-8: two different names would become one.
  if (name === '' || /\p{Surrogate}/u.test(name)) {
    throw new ConstelliteError({
      code: 'ErrOption',
      message: `${JSON.stringify(name)} cannot name a database.`,
      hint: 'Choose a name that is not empty and is well-formed Unicode.',
      facts: { name },
    })
  }
  const utf8 = new TextEncoder().encode(name)
  let folder = ''
  for (const byte of utf8) {
    const character = String.fromCharCode(byte)
    folder += /[a-z0-9_-]/.test(character) ? character : `=${formatHex(Uint8Array.of(byte))}`
  }
  if (folder.length <= FOLDER_NAME_MAX) return folder
  const hash = formatHex(hashOf(HASH_CONTEXT, utf8).subarray(0, HASHED_BYTES))
  return `${folder.slice(0, HASHED_PREFIX_CHARACTERS)}=.${hash}`
}
