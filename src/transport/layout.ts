/** Layout of what travels between two peers (FORMATS §13).  Integers are big-endian; `varint` and
 *  `str16` as in FORMATS.  One message of the socket is one message here; both sides refuse more.
 *
 *  | message | type | body |
 *  |---|---|---|
 *  | every message | u8, then u32 length of the body | |
 *  | hello | 1 | version u8 = 1 · role u8 (1 writer, 2 follower, 3 relay) · key 32 · nonce 32 · clock u64, ms |
 *  | proof | 2 | signature 64 over the transcript (handshake.ts) |
 *  | heads | 3 | shard 32 · first u64 (lowest seq served as frames, 0 none) · count varint · (author 32 · seq u64 · checksum 32)… |
 *  | authority | 4 | shard 32 · count varint · (length varint · stand-alone frame, FORMATS §4)… |
 *  | want | 5 | shard 32 · author 32 · from u64 · bounded u8 (0 live, 1 to follows) · to u64 |
 *  | run | 6 | one sealed run, FORMATS §5 |
 *  | receipt | 7 | one receipt, FORMATS §12 |
 *  | want-snapshot | 8 | shard 32 · seq at least u64 |
 *  | snapshot | 9 | shard 32 · index u32 · last u8 (0, 1) · bytes to the end |
 *  | error | 10 | code str16 · text str16 |
 *  | ping | 11 | nothing |
 *  | pong | 12 | consumed u64: bytes of the messages 3 to 10, with their headers, that the sender has taken from its inbox since the start |
 *  | part | 13 | id u32 · index u32 · count u32 · bytes: the parts of one id, joined, are one message of type 4, 6 or 9 |
 *
 *  Before both proofs only hello, proof and error are taken.  A pong answers a ping at once and is also
 *  sent unasked when a quarter of the window was consumed: it is the credit of flow.ts. */

export const TRANSPORT_VERSION = 1

export const MESSAGE_TYPE = {
  hello: 1,
  proof: 2,
  heads: 3,
  authority: 4,
  want: 5,
  run: 6,
  receipt: 7,
  wantSnapshot: 8,
  snapshot: 9,
  error: 10,
  ping: 11,
  pong: 12,
  part: 13,
} as const

export const ROLE_BYTE = { writer: 1, follower: 2, relay: 3 } as const

/** type u8, length u32. */
export const MESSAGE_HEADER_BYTES = 5
/** Largest message of a socket, header included; what is larger travels as parts. */
export const MESSAGE_BYTES_MAX = 1_048_576
/** Largest message once its parts are joined: a run of 24 MiB with room for its header. */
export const JOINED_BYTES_MAX = 26_214_400
/** id u32, index u32, count u32. */
export const PART_HEADER_BYTES = 12
/** Bytes that one part carries; only the last one carries fewer. */
export const PART_PAYLOAD_BYTES: number =
  MESSAGE_BYTES_MAX - MESSAGE_HEADER_BYTES - PART_HEADER_BYTES

export const KEY_BYTES = 32
export const NONCE_BYTES = 32
export const SIGNATURE_BYTES = 64
export const SHARD_BYTES = 32
export const HELLO_BODY_BYTES: number = 1 + 1 + KEY_BYTES + NONCE_BYTES + 8

export const HEADS_MAX = 1024
/** A genesis or hand-over is a few hundred bytes; a roster in a genesis makes it larger. */
export const AUTHORITY_FRAME_BYTES_MAX = 65_536
export const SNAPSHOT_PART_BYTES_MAX = 2_097_152
export const ERROR_CODE_BYTES_MAX = 64
export const ERROR_TEXT_BYTES_MAX = 1024
