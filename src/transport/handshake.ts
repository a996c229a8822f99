/** Handshake: hello and proof both ways, before anything else (FORMATS §13).
 *  The dialler speaks first in each round; the acceptor answers a hello with its own and a proof with
 *  its own, so it signs nothing for a stranger and nothing can arrive before it has checked the dialler.
 *  Keeps: each side signs the key that it saw and the binding that it knows by itself; fresh nonces;
 *  nobody is told its own key back; a deadline over all of it. */

import { ConstelliteError, orThrow } from '../base/failure.ts'
import type { Host } from '../base/host.ts'
import { equalBytes } from '../bytes/compare.ts'
import type { Signer } from '../crypto/signer.ts'
import { verify } from '../crypto/verify.ts'
import { decodeEnvelope } from './envelope.ts'
import {
  decodeHello,
  decodeProof,
  encodeHello,
  encodeProof,
  type Hello,
  transcriptOf,
} from './hello.ts'
import { MESSAGE_TYPE, NONCE_BYTES, TRANSPORT_VERSION } from './layout.ts'
import type { Link } from './link.ts'
import { failureOfError } from './remote.ts'
import type { PeerRole } from './transport.ts'

export type HandshakeOptions = {
  readonly host: Host
  readonly signer: Signer
  readonly role: PeerRole
  readonly side: 'dialler' | 'acceptor'
  /** What this side knows of the connection by itself: the URL's host. */
  readonly binding: string
  /** Refuses a peer whose key is proved; the acceptor's own rules. */
  readonly admit?: ((peer: PeerIdentity) => ConstelliteError | undefined) | undefined
}

export type PeerIdentity = { readonly publicKey: Uint8Array; readonly role: PeerRole }

/** Resolves with who the far end has proved to be.  Rejects with ErrHandshake, or with what the far end
 *  refused us for; the caller closes the link with it. */
export async function shakeHands(link: Link, options: HandshakeOptions): Promise<PeerIdentity> {
  const { host, signer, role, side } = options
  const own = encodeHello({
    role,
    publicKey: signer.publicKey,
    nonce: host.random(NONCE_BYTES),
    clockMs: host.now(),
  })
  if (side === 'dialler') link.send(own)
  const seen = await nextOf(link, MESSAGE_TYPE.hello)
  const hello = readHello(seen, signer.publicKey)
  if (side === 'acceptor') link.send(own)

  const dialler = side === 'dialler' ? own : seen
  const acceptor = side === 'dialler' ? seen : own
  const transcript = (of: 'dialler' | 'acceptor'): Uint8Array =>
    transcriptOf({ dialler, acceptor, signer: of, binding: options.binding })
  const prove = async (): Promise<void> => {
    link.send(encodeProof(await signer.sign(transcript(side))))
  }
  if (side === 'dialler') await prove()
  const signature = orThrow(decodeProof(await nextOf(link, MESSAGE_TYPE.proof)))
  const signed = transcript(side === 'dialler' ? 'acceptor' : 'dialler')
  if (!verify(signature, signed, hello.publicKey)) {
    throw refusal('The far end did not prove that it holds its key.')
  }
  const identity = { publicKey: hello.publicKey, role: hello.role }
  const refused = options.admit?.(identity)
  if (refused !== undefined) throw refused
  if (side === 'acceptor') await prove()
  return identity
}

/** The next message, which must be of `type`; an error envelope is thrown as what it says. */
async function nextOf(link: Link, type: number): Promise<Uint8Array> {
  const message = await link.next()
  if (message[0] === type) return message
  if (message[0] === MESSAGE_TYPE.error) {
    const envelope = orThrow(decodeEnvelope(message))
    if (envelope.type === 'error') throw failureOfError(envelope)
  }
  throw refusal('The far end sent something else before it proved its key.', {
    expected: type,
    found: message[0],
  })
}

function readHello(message: Uint8Array, ownKey: Uint8Array): Hello {
  const read = orThrow(decodeHello(message))
  if (read.type === 'unknown-version') {
    throw refusal('The far end speaks another version.', {
      found: read.version,
      spoken: TRANSPORT_VERSION,
    })
  }
  // Our own hello sent back would make our own proof valid for it.
  if (equalBytes(read.hello.publicKey, ownKey)) {
    throw refusal('The far end presents our own key.')
  }
  return read.hello
}

function refusal(
  message: string,
  facts: { readonly [name: string]: number | undefined } = {},
): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrHandshake',
    message,
    hint: 'Check that the address is the one that the far end answers to and that both are up to date.',
    facts,
    retry: 'later',
  })
}
