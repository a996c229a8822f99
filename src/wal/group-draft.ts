/** Group draft: records staged for one group, encoded as they come.
 *  Keeps: a record's place is known when it is staged and does not change when the draft is encoded
 *  again behind a start mark. */

import { createWriter, type Writer } from '../bytes/writer.ts'
import { GROUP_HEADER_BYTES, groupBytes } from './layout.ts'
import type { LogRecord, RecordOutline } from './records.ts'

export type GroupDraft = {
  readonly number: bigint
  /** Records in order; a start mark stands before them in the bytes only. */
  readonly records: LogRecord[]
  readonly outlines: RecordOutline[]
  /** Room for the header, then the body. */
  readonly writer: Writer
}

const NO_HEADER = new Uint8Array(GROUP_HEADER_BYTES)

export function createGroupDraft(number: bigint): GroupDraft {
  return { number, records: [], outlines: [], writer: createWriter(4096).bytes(NO_HEADER) }
}

export function draftBodyBytes(draft: GroupDraft): number {
  return draft.writer.size - GROUP_HEADER_BYTES
}

export function isEmptyDraft(draft: GroupDraft): boolean {
  return draft.writer.size === GROUP_HEADER_BYTES
}

/** Bytes that this draft will take in the file; 0 when it is empty and will not be written. */
export function draftBytes(draft: GroupDraft): number {
  return isEmptyDraft(draft) ? 0 : groupBytes(draftBodyBytes(draft))
}
