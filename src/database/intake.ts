/** Intake: what brings a database to its beginning: a file that it takes in, then the migrations.
 *  Keeps: like every first write both wait for the relays' answer (own-head.ts), migrations only where one is
 *  still to run, and those that came with the answer run no second time; nothing runs beside it; an import is whole or not there, and stands when a migration after it
 *  fails.  Others get a turn while a file is copied, and a signal then stops it. */

import { failureOf } from '../base/failure.ts'
import type { Host } from '../base/host.ts'
import type { Shard } from '../shard/shard.ts'
import type { Engine, PageSpace } from '../sqlite/engine.ts'
import type { Connections } from './connections.ts'
import type { Core, CoreImport } from './core.ts'
import type { Executor } from './executor.ts'
import type { FileAccess } from './files.ts'
import { checkFile } from './import-file.ts'
import { applyMigrations, countMissing } from './migrations.ts'
import { aborted, importStands, notEmpty, notOurs } from './open-failures.ts'
import type { OwnHead } from './own-head.ts'
import type { ImportReport, ImportSource } from './types.ts'

export type Intake = Pick<Core, 'importFile' | 'migrate'> & {
  /** Brings a core that nobody uses yet to where its options want it. */
  prepare(options: { readonly import?: ImportSource | undefined } & CoreImport): Promise<void>
  /** What `prepare` took in. */
  readonly imported: ImportReport | undefined
}

/** What it needs of the parts of a core. */
export type IntakeSource = {
  readonly host: Host
  readonly shard: Pick<Shard, 'role' | 'head' | 'halted' | 'importPages'>
  readonly files: FileAccess
  readonly migrations: readonly string[] | undefined
  /** A database over other pages, to check an import. */
  openEngine(space: PageSpace): Promise<Engine>
}

export type IntakeParts = {
  readonly parts: IntakeSource
  readonly executor: Executor
  readonly connections: Connections
  /** The pages are others now. */
  reopen(): void
  /** What a write waits for before its turn, if anything. */
  beforeWrite: OwnHead['beforeWrite']
}

/** An empty database stands at its genesis. */
const GENESIS_SEQ = 1n
/** Bytes of a file between two turns of others. */
const TURN_BYTES = 1 << 20

export function createIntake(intake: IntakeParts): Intake {
  const { parts, executor, connections, reopen, beforeWrite } = intake
  let imported: ImportReport | undefined
  /** Grows with what is appended while the database is open. */
  let { migrations } = parts
  const apply = (texts: readonly string[]): void => {
    connections.outside((writer) => applyMigrations(writer, texts))
  }
  const migrate = async (texts: readonly string[]): Promise<void> => {
    const countDue = (): number => connections.outside((writer) => countMissing(writer, texts))
    if ((await executor.alone(async () => countDue())) > 0) {
      await beforeWrite()
      // The answer may have been that another copy writes, or that this one stands beside its own history.
      if (parts.shard.halted !== undefined) throw parts.shard.halted
      await executor.alone(async () => apply(texts))
    }
    migrations = texts
  }
  const migrateImported = (): void => {
    try {
      if (migrations !== undefined) apply(migrations)
    } catch (error) {
      throw importStands(failureOf(error))
    }
  }
  const importFile: Core['importFile'] = (source, options) => {
    const take = (): Promise<ImportReport> =>
      executor.alone(async () => {
        const report = await takeFile(parts, source, options)
        reopen()
        migrateImported()
        return report
      }, options.signal)
    return beforeWrite(options.signal)?.then(take) ?? take()
  }
  return {
    importFile,
    migrate,
    get imported() {
      return imported
    },
    prepare: async (options) => {
      if (options.import !== undefined) imported = await importFile(options.import, options)
      else if (migrations !== undefined) await migrate(migrations)
    },
  }
}

async function takeFile(
  parts: IntakeSource,
  source: ImportSource,
  { onProgress, signal }: CoreImport,
): Promise<ImportReport> {
  const { host, shard } = parts
  if (shard.role !== 'writer') throw notOurs()
  if (shard.head.seq > GENESIS_SEQ) throw notEmpty(shard.head.seq)
  const file = await parts.files.openSource(source)
  try {
    const { header, warnings, pages } = await checkFile(file, parts.openEngine)
    const { pageSize, pageCount } = header
    const turnPages = Math.max(1, Math.floor(TURN_BYTES / pageSize))
    const { seq } = await shard.importPages({
      ...pages,
      readPage: async (pgno, into) => {
        if (pgno % turnPages === 1 || turnPages === 1) {
          await new Promise<void>((resolve) => host.defer(resolve))
          if (signal?.aborted) throw aborted(signal)
        }
        return pages.readPage(pgno, into)
      },
      ...(onProgress === undefined ? {} : { onProgress }),
      ...(signal === undefined ? {} : { signal }),
    })
    return { pageSize, pageCount, sizeBytes: pageSize * pageCount, seq, warnings }
  } finally {
    file.close()
  }
}
