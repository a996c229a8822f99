/** Receipt: a holder's signed word that it has a head (FORMATS §12).
 *  Keeps: the signature covers every other field.  Never: says that the head is the author's only one;
 *  a holder that saw a second one signs it with the flag `fork`.  Layout: table in layout.ts. */

import { assert } from '../base/assert.ts'
import type { Result } from '../base/failure.ts'
import type { Hlc } from '../base/ids.ts'
import { createReader, DecodeError, decoding } from '../bytes/reader.ts'
import { createWriter, type Writer } from '../bytes/writer.ts'
import type { Signer } from '../crypto/signer.ts'
import { verify } from '../crypto/verify.ts'
import { type HeadFields, readHeadFields, writeHeadFields } from './head-fields.ts'
import { DOMAINS, domainBytes, KEY_BYTES, RECEIPT_BYTES, SIGNATURE_BYTES } from './layout.ts'

export type Receipt = HeadFields & {
  readonly hlc: Hlc
  readonly flags: { readonly durable: boolean; readonly archived: boolean; readonly fork: boolean }
  readonly holder: Uint8Array
  readonly signature: Uint8Array
}

export type ReceiptFields = Omit<Receipt, 'signature'>

const FLAG_DURABLE = 1
const FLAG_ARCHIVED = 2
const FLAG_FORK = 4
const FLAGS_KNOWN = 7

export function receiptPreimage(fields: ReceiptFields): Uint8Array {
  const writer = createWriter(RECEIPT_BYTES).bytes(domainBytes(DOMAINS.receipt))
  writeFields(writer, fields)
  return writer.finish()
}

/** Signs as `signer`, who is the holder and has persisted the head before. */
export async function createReceipt(
  signer: Signer,
  fields: Omit<ReceiptFields, 'holder'>,
): Promise<Receipt> {
  const named: ReceiptFields = { ...fields, holder: signer.publicKey }
  return { ...named, signature: await signer.sign(receiptPreimage(named)) }
}

export function verifyReceipt(receipt: Receipt): boolean {
  return verify(receipt.signature, receiptPreimage(receipt), receipt.holder)
}

export function encodeReceipt(receipt: Receipt): Uint8Array {
  const writer = createWriter(RECEIPT_BYTES)
  writeFields(writer, receipt)
  writer.bytes(receipt.signature)
  assert(writer.size === RECEIPT_BYTES, 'a receipt has its fixed size')
  return writer.finish()
}

/** Checks the form only; `verifyReceipt` checks the signature. */
export function decodeReceipt(bytes: Uint8Array): Result<Receipt> {
  return decoding('receipt', () => {
    const reader = createReader(bytes)
    const receipt: Receipt = {
      ...readHeadFields(reader),
      // The reader answers a plain u64; this field is an Hlc by the layout.
      hlc: reader.u64() as Hlc,
      flags: flagsOf(reader.u8()),
      holder: reader.bytes(KEY_BYTES),
      signature: reader.bytes(SIGNATURE_BYTES),
    }
    reader.end()
    return receipt
  })
}

function flagsOf(value: number): Receipt['flags'] {
  if ((value & ~FLAGS_KNOWN) !== 0) throw new DecodeError(`flags ${value} are unknown`)
  return {
    durable: (value & FLAG_DURABLE) !== 0,
    archived: (value & FLAG_ARCHIVED) !== 0,
    fork: (value & FLAG_FORK) !== 0,
  }
}

function writeFields(writer: Writer, fields: ReceiptFields): void {
  const { durable, archived, fork } = fields.flags
  writeHeadFields(writer, fields)
    .u64(fields.hlc)
    .u8((durable ? FLAG_DURABLE : 0) | (archived ? FLAG_ARCHIVED : 0) | (fork ? FLAG_FORK : 0))
    .bytes(fields.holder)
}
