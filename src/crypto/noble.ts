/** @noble/ed25519 with its synchronous SHA-512 wired: oracle of the signers, and the verifier until the
 *  kernel takes over.  Keeps: importing does nothing; the wiring happens at first use, and only where
 *  nobody has wired another SHA-512 before, since that table is shared by everyone in the realm. */

import * as ed25519 from '@noble/ed25519'
import { sha512 } from '@noble/hashes/sha2.js'

export function nobleEd25519(): typeof ed25519 {
  ed25519.hashes.sha512 ??= sha512
  return ed25519
}
