/** Run once: a call whose client may repeat it when it does not learn what became of it.
 *  Keeps: its work happens at most once however often it comes, also across a crash; a repetition is
 *  answered as the first would have been, or with a failure that says what is known.
 *  Never: repeats what may have happened and cannot be looked up. */

import { ConstelliteError } from '../base/failure.ts'
import type { RequestFate } from '../shard/requests.ts'
import type { Shard } from '../shard/shard.ts'
import type { RequestEntry, RequestOutcome } from '../wal/request-entry.ts'
import type { CoreRequest } from './core.ts'
import type { Row, RunResult } from './types.ts'

type Requests = Shard['requests']

/** What the log keeps of an answer, and the answer again from there. */
export type Answering<T> = {
  outcomeOf(answer: T): RequestOutcome
  answerOf(entry: RequestEntry): T
}

export const RUN_ANSWER: Answering<RunResult> = {
  outcomeOf: ({ changes, lastInsertRowid }) => ({ type: 'answered', changes, lastInsertRowid }),
  answerOf({ seq, outcome }) {
    if (outcome.type !== 'answered') throw answerLost(seq)
    const { changes, lastInsertRowid } = outcome
    return { changes, lastInsertRowid, seq }
  },
}

export const ROWS_ANSWER: Answering<Row[]> = {
  outcomeOf: () => DONE,
  answerOf: ({ seq }) => {
    throw answerLost(seq)
  },
}

export const NO_ANSWER: Answering<void> = {
  outcomeOf: () => DONE,
  answerOf: () => undefined,
}

const DONE: RequestOutcome = { type: 'done' }

/** Runs the work, unless the log says that it ran.  A request is looked up whether or not its client says
 *  that it is repeated: the first may still come after its repetition. */
export function runOnce<T>(
  requests: Requests,
  request: CoreRequest,
  { answering, work }: { readonly answering: Answering<T>; readonly work: () => T },
): T {
  const entry = entryOf(requests.find(request.id), request)
  if (entry !== undefined) return answering.answerOf(entry)
  return recorded(requests, request, { answering, work })
}

/** What a request that is not to run any more came to. */
export function settleOnce<T>(
  requests: Requests,
  request: CoreRequest,
  answering: Answering<T>,
): T {
  const entry = entryOf(requests.find(request.id), request)
  if (entry === undefined) throw neverRan()
  return answering.answerOf(entry)
}

/** Runs the work, and has the log say so. */
export function recorded<T>(
  requests: Requests,
  { id }: CoreRequest,
  { answering, work }: { readonly answering: Answering<T>; readonly work: () => T },
): T {
  let outcome: RequestOutcome | undefined
  requests.begin(id)
  try {
    const answer = work()
    outcome = answering.outcomeOf(answer)
    return answer
  } finally {
    requests.end(outcome)
  }
}

/** Undefined: it may run. */
function entryOf(fate: RequestFate, { isRepeated }: CoreRequest): RequestEntry | undefined {
  if (fate === 'absent') return undefined
  if (fate === 'unknown') {
    if (isRepeated) throw outcomeUnknown('It is older than what the log remembers of requests.')
    return undefined
  }
  if (fate.outcome.type !== 'begun') return fate
  throw outcomeUnknown('It wrote a part, up to `seq`, and did not come to its end.', fate.seq)
}

function outcomeUnknown(why: string, seq?: bigint): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrOutcomeUnknown',
    message: `Whether this call was written cannot be said any more. ${why}`,
    hint: 'Read the rows that it writes; where they are as before, call it again.',
    ...(seq === undefined ? {} : { facts: { seq } }),
  })
}

function answerLost(seq: bigint): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrAnswerLost',
    message: `This call was written, at ${seq}, but its rows were lost with whoever ran it.`,
    hint: 'Do not call it again: read the rows that it wrote.',
    facts: { seq },
  })
}

function neverRan(): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrTransaction',
    message: 'The transaction was lost with whoever ran it, and nothing of it was written.',
    hint: 'Run the whole transaction again.',
    retry: 'now',
  })
}
