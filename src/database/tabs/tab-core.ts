/** Tab core: one database as a tab sees it, whoever runs it: its own worker, or the one of another tab.
 *  Keeps: calls reach each owner in the order in which they were made.  What an owner left unanswered is asked
 *  again of the next one: a read anew, a write under the number that it had, so that it happens once
 *  (shard/requests.ts); a transaction that was not committed is over, and says so.
 *  Live queries and the status go on.  Closing waits for what was called before, as it does with a core of one's
 *  own; but not for an owner that is silent. */

import type { ConstelliteError } from '../../base/failure.ts'
import type { ClientCall, ClientCore } from '../bridge/client.ts'
import { mayWrite } from '../control-words.ts'
import type { Core, CoreCall } from '../core.ts'
import { createEnding } from '../ending.ts'
import type { Meanwhile } from '../registry.ts'
import type { Ready, Status, SyncStatus } from '../types.ts'
import { unanswered } from './failures.ts'
import { createTabLive, type TabLive } from './live.ts'
import { isLost, once, repeat } from './repeat.ts'
import { createRequestNumbers } from './request-numbers.ts'
import { type Seat, type SeatInit, takeSeat } from './seat.ts'
import { createTabTransactions } from './transactions.ts'

type Tab = {
  readonly seat: Seat
  readonly live: TabLive
  readonly statusListeners: Set<(status: Status) => void>
  readonly ending: ReturnType<typeof createEnding>
  /** Closing waits until none is under way, or nobody answers. */
  readonly onIdle: (() => void)[]
  underWay: number
  /** Why the database ended by itself. */
  reason: ConstelliteError | undefined
  core: ClientCore | undefined
  status: Status
  stopStatus: () => void
}

type Track = <T>(call: Promise<T>) => Promise<T>

/** Opens it here, or joins whoever has it open. */
export async function connectTab(init: SeatInit, meanwhile?: Meanwhile): Promise<Core> {
  const seat = takeSeat(init)
  const stopMinding = mind(seat, meanwhile)
  const first = await nextCore(seat)
  const ready = await importAtOwner(seat, init.opening, first.ready)
  stopMinding()
  const tab: Tab = {
    seat,
    live: createTabLive(seat),
    statusListeners: new Set(),
    ending: createEnding(),
    onIdle: [],
    underWay: 0,
    reason: undefined,
    core: undefined,
    status: first.status,
    stopStatus: () => undefined,
  }
  settleIn(tab)
  seat.onChange(() => settleIn(tab))
  return createCore(init, tab, ready)
}

/** Says whether an owner elsewhere answers, and gives the seat up when nobody wants it any more. */
function mind(seat: Seat, meanwhile: Meanwhile | undefined): () => void {
  if (meanwhile === undefined) return () => undefined
  const { signal, onSilence } = meanwhile
  seat.onChange(() => onSilence(seat.owner === 'silent'))
  const leave = (): void => seat.leave()
  signal.addEventListener('abort', leave, { once: true })
  if (signal.aborted) leave()
  return () => signal.removeEventListener('abort', leave)
}

function nextCore(seat: Seat): Promise<ClientCore> {
  const { line } = seat
  const order = line.order()
  return new Promise((onValue, onFailure) => line.take({ order, onValue, onFailure }))
}

/** Another tab's database takes an import in, or refuses it, as one that was there already. */
async function importAtOwner(
  seat: Seat,
  { options, onProgress }: SeatInit['opening'],
  ready: Ready,
): Promise<Ready> {
  const { import: source } = options
  // Our own worker has done it.
  if (source === undefined || ready.import !== undefined) return ready
  try {
    const work = once('import', (core) => core.importFile(source, { onProgress }))
    return { ...ready, import: await repeat(seat, work, {}) }
  } catch (error) {
    seat.leave()
    throw error
  }
}

const ALWAYS = (): boolean => true

function createCore({ parts }: SeatInit, tab: Tab, ready: Ready): Core {
  const { seat, live, statusListeners } = tab
  const number = createRequestNumbers(parts.host)
  const transactions = createTabTransactions(seat, number)
  const track = trackerOf(tab)
  const write = <T>(
    call: CoreCall,
    work: (core: ClientCore, call: ClientCall) => Promise<T>,
    isWrite = ALWAYS,
  ): Promise<T> => {
    if (call.transaction !== undefined) return transactions.inside(call, work)
    const request = number()
    const named = (core: ClientCore, isRepeated: boolean): Promise<T> =>
      // One that may have happened is not to be aborted before that is known.
      isRepeated
        ? work(core, { ...call, signal: undefined, request: -request })
        : work(core, { ...call, request })
    return track(repeat(seat, named, { signal: call.signal, isWrite }))
  }
  return {
    ready,
    ended: tab.ending.ended,
    get status() {
      return tab.status
    },
    onStatus: (listener) => {
      statusListeners.add(listener)
      return () => {
        statusListeners.delete(listener)
      }
    },
    run: (query, call) => write(call, (core, named) => core.run(query, named)),
    all: (query, call) =>
      write(
        call,
        (core, named) => core.all(query, named),
        () => mayWrite(query.sql),
      ),
    exec: (text, call) => write(call, (core, named) => core.exec(text, named)),
    begin: transactions.begin,
    commit: transactions.commit,
    rollback: transactions.rollback,
    watch: live.watch,
    ...createWholeCalls(tab, track),
    close: () => close(tab),
  }
}

/** Calls that concern the database as a whole. */
function createWholeCalls(
  { seat }: Tab,
  track: Track,
): Pick<
  Core,
  | 'until'
  | 'exportFile'
  | 'exportTo'
  | 'exportKept'
  | 'verify'
  | 'storage'
  | 'importFile'
  | 'takeOver'
  | 'migrate'
> {
  const ask = <T>(work: (core: ClientCore) => Promise<T>): Promise<T> =>
    track(repeat(seat, work, {}))
  return {
    // What it waits for may never come.
    until: (stage, options) =>
      repeat(seat, (core) => core.until(stage, options), {
        signal: options.signal,
        isPatient: true,
      }),
    exportFile: () => ask((core) => core.exportFile()),
    exportTo: (path) => ask((core) => core.exportTo(path)),
    exportKept: (file) => ask((core) => core.exportKept(file)),
    verify: () => ask((core) => core.verify()),
    storage: () => ask((core) => core.storage()),
    importFile: (source, options) =>
      repeat(
        seat,
        once('import', (core) => core.importFile(source, options)),
        { signal: options.signal, isWrite: ALWAYS },
      ),
    takeOver: (options) =>
      repeat(
        seat,
        once('takeOver', (core) => core.takeOver(options)),
        { isWrite: ALWAYS },
      ),
    // What was applied is not applied again.
    migrate: async (migrations) => {
      await ask((core) => core.migrate(migrations))
      seat.appended(migrations)
    },
  }
}

/** Counts a call until it has settled. */
function trackerOf(tab: Tab): Track {
  const onSettled = (): void => {
    tab.underWay -= 1
    if (tab.underWay === 0) goOn(tab)
  }
  return (call) => {
    tab.underWay += 1
    call.then(onSettled, onSettled)
    return call
  }
}

/** With closing. */
function goOn({ onIdle }: Tab): void {
  for (const resolve of onIdle.splice(0)) resolve()
}

/** There is another core, or none, or its owner is silent. */
function settleIn(tab: Tab): void {
  const { seat, live, ending } = tab
  const { core, failure } = seat
  if (seat.owner === 'silent') goOn(tab)
  if (core === tab.core && failure === undefined) {
    tellStatus(tab, { ...tab.status, owner: seat.owner })
    return
  }
  tab.core = core
  tab.stopStatus()
  tab.stopStatus = () => undefined
  if (core !== undefined) {
    const tell = (status: Status): void => {
      // That it was lost is told by the seat: another core follows, or nothing does.
      if (core.lost === undefined) tellStatus(tab, { ...status, owner: seat.owner })
    }
    tab.stopStatus = core.onStatus(tell)
    core.ended.then((reason) => {
      if (core.lost !== undefined) return
      tab.reason ??= reason
      ending.tell(reason)
    })
    tell(core.status)
  } else if (failure === undefined) {
    const sync = disconnected(tab.status.sync)
    tellStatus(tab, { ...tab.status, sync, owner: seat.owner })
  }
  if (failure === undefined) live.moved()
  else finish(tab, failure)
}

function finish(tab: Tab, failure: ConstelliteError): void {
  const { ending, live, status } = tab
  live.end(failure)
  if (failure.code === 'ErrClosed') {
    tellStatus(tab, { ...status, state: 'closed', owner: undefined })
  } else {
    tellStatus(tab, { ...status, state: 'failed', failure, owner: undefined })
    ending.tell(failure)
  }
}

/** While nobody runs the database, nobody is connected for it. */
function disconnected(sync: SyncStatus): SyncStatus {
  const wasConnected = sync.state === 'catching-up' || sync.state === 'live'
  const state = wasConnected ? 'connecting' : sync.state
  return { ...sync, state, peers: 0, progress: undefined }
}

function tellStatus(tab: Tab, status: Status): void {
  tab.status = status
  for (const listener of tab.statusListeners) listener(status)
}

async function close(tab: Tab): Promise<void> {
  const { seat, onIdle } = tab
  while (tab.underWay > 0 && seat.owner !== 'silent') {
    await new Promise<void>((resolve) => onIdle.push(resolve))
  }
  const { core, owner } = seat
  try {
    // To an owner elsewhere it is enough that this tab is gone.
    if (owner === 'here') await core?.close()
  } catch (error) {
    // It went first.
    if (core === undefined || !isLost(core, error)) throw error
  } finally {
    // Handles that are still open go on to say why it ended.
    seat.leave(tab.reason ?? (owner === 'silent' ? unanswered() : undefined))
  }
}
