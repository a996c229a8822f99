/** Layouts and names of the frame formats (FORMATS §4, §5, §8, §12): tables, constants, domain strings.
 *  Keeps: a test reads these tables and compares them with the constants and with encoded bytes.
 *
 *  Frame header, the stand-alone form; the checksum covers every byte before it
 *  | offset | size | name           | meaning                                                    |
 *  |      0 |    2 | magic          | "CF"                                                       |
 *  |      2 |    1 | version        | 2                                                          |
 *  |      3 |    1 | suite          | 1 = BLAKE3, Ed25519                                        |
 *  |      4 |    1 | kind           | 1 pages, 2 effects, 3 entry, 4 control                     |
 *  |      5 |    1 | flags          | bits: 0 compressed, 1 encrypted, 2 continues, 3 salted     |
 *  |      6 |   32 | shard          | H(shard; checksum of the genesis); zeros in the genesis    |
 *  |     38 |   32 | author         | Ed25519 public key                                         |
 *  |     70 |    8 | epoch          | from 0; raised by a hand-over                              |
 *  |     78 |    8 | seq            | from 1, no gaps                                            |
 *  |     86 |   32 | prev           | checksum at seq - 1; zeros at seq 1                        |
 *  |    118 |    8 | hlc            | 48 bits of ms, 16 of counter; above prev's                 |
 *  |    126 |    4 | payloadBytes   | size of the payload block in form 1, whatever the form     |
 *  |    130 |   32 | payloadDigest  | H(payload; H(section; salt? index bytes) of each)          |
 *  |    162 |   32 | checksum       | H(frame; every byte before it)                             |
 *  Then form u8 (0 stub, 1 whole, 2 in part) and, unless 0, the payload block: salt 16 if flagged,
 *  section count varint, each: [form 2 only: mark u8, 0 = digest 32, 1 = present] length varint, bytes.
 *  The checksum does not cover the form: a stub and the whole frame are the same frame.
 *
 *  Seal; the signature covers the domain string and every byte before it
 *  | offset | size | name           | meaning                                                    |
 *  |      0 |   32 | shard          |                                                            |
 *  |     32 |   32 | author         | whose signature this is                                    |
 *  |     64 |    8 | epoch          |                                                            |
 *  |     72 |    8 | seq            | the seal covers this author's chain up to it               |
 *  |     80 |   32 | checksum       | of the frame at seq                                        |
 *  |    112 |   32 | root           | state root after it; zeros on a frame that continues       |
 *  |    144 |    1 | suite          | 1                                                          |
 *  |    145 |   64 | signature      |                                                            |
 *
 *  Run header up to the frame count; then count varint, last checksum 32, root 32, signature 64
 *  | offset | size | name           | meaning                                                    |
 *  |      0 |    1 | version        | 1                                                          |
 *  |      1 |    1 | suite          | 1                                                          |
 *  |      2 |   32 | shard          | the real id, also where the genesis is inside              |
 *  |     34 |   32 | author         |                                                            |
 *  |     66 |    8 | epoch          |                                                            |
 *  |     74 |    8 | firstSeq       |                                                            |
 *  |     82 |   32 | prev           | checksum before the first; covered by the frames' checksums |
 *  Then the frames, each as body.ts writes it, to the end.
 *
 *  Receipt; the signature covers the domain string and every byte before it
 *  | offset | size | name           | meaning                                                    |
 *  |      0 |   32 | shard          |                                                            |
 *  |     32 |   32 | author         | of the head that is held                                   |
 *  |     64 |    8 | epoch          |                                                            |
 *  |     72 |    8 | seq            |                                                            |
 *  |     80 |   32 | checksum       |                                                            |
 *  |    112 |    8 | hlc            | the holder's                                               |
 *  |    120 |    1 | flags          | bits: 0 durable, 1 archived, 2 fork                        |
 *  |    121 |   32 | holder         | whose signature this is                                    |
 *  |    153 |   64 | signature      |                                                            |
 */

export const FRAME_MAGIC = 0x4346
export const FRAME_VERSION = 2
export const SUITE = 1
export const RUN_VERSION = 1

export const KEY_BYTES = 32
export const CHECKSUM_BYTES = 32
export const SIGNATURE_BYTES = 64
export const SALT_BYTES = 16

export const FRAME_PREIMAGE_BYTES = 162
export const FRAME_HEADER_BYTES = 194
/** A whole stand-alone stub: the header and its form. */
export const FRAME_STUB_BYTES = 195
export const SEAL_BYTES = 209
export const RUN_START_BYTES = 114
export const RECEIPT_BYTES = 217

/** 16 MiB: largest payload block of a frame; a larger transaction continues in the next seq. */
export const FRAME_PAYLOAD_BYTES_MAX = 16_777_216
export const FRAME_SECTIONS_MAX = 4096
/** 24 MiB: largest body of a sealed run, counted after its header. */
export const RUN_BYTES_MAX = 25_165_824
export const RUN_FRAMES_MAX = 65_536

/** Every context of a hash and every start of a signed preimage.  None is a prefix of another, and
 *  none but the source's segments starts with "LBN". */
export const DOMAINS = {
  shard: 'constellite shard v1',
  frame: 'constellite frame v2',
  payload: 'constellite payload v1',
  section: 'constellite section v1',
  seal: 'constellite seal v1',
  vote: 'constellite vote v1',
  recovery: 'constellite recovery v1',
  handOver: 'constellite hand-over v1',
  grant: 'constellite grant v1',
  close: 'constellite close v1',
  receipt: 'constellite receipt v1',
  handshake: 'constellite handshake v1',
  page: 'constellite page v1',
  node: 'constellite node v1',
  root: 'constellite root v1',
  hello: 'constellite hello v1',
  migration: 'constellite migration v1',
  encryptor: 'constellite encryptor v2',
  encryptorKey: 'constellite encryptor key v2',
  box: 'constellite box v1',
  boxKey: 'constellite box key v1',
  boxPurpose: 'constellite box purpose v1',
  opfsFolder: 'constellite opfs folder of a long name v1',
} as const

const utf8 = new TextEncoder()

/** The bytes that a signed preimage of this domain starts with. */
export function domainBytes(domain: (typeof DOMAINS)[keyof typeof DOMAINS]): Uint8Array {
  return utf8.encode(domain)
}
