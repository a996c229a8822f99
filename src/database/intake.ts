/** Intake: what brings a database to its beginning: a file that it takes in, then the migrations.
 *  Keeps: nothing runs beside it; an import is whole or not there, and stands when a migration after it
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
import { applyMigrations } from './migrations.ts'
import { aborted, importStands, notEmpty, notOurs } from './open-failures.ts'
import type { ImportReport, ImportSource } from './types.ts'

export type Intake = Pick<Core, 'importFile'> & {
  /** Brings a core that nobody uses yet to where its options want it. */
  prepare(options: { readonly import?: ImportSource | undefined } & CoreImport): Promise<void>
  /** What `prepare` took in. */
  readonly imported: ImportReport | undefined
}

/** What it needs of the parts of a core. */
export type IntakeSource = {
  readonly host: Host
  readonly shard: Pick<Shard, 'role' | 'head' | 'importPages'>
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
}

/** An empty database stands at its genesis. */
const GENESIS_SEQ = 1n
/** Bytes of a file between two turns of others. */
const TURN_BYTES = 1 << 20

export function createIntake({ parts, executor, connections, reopen }: IntakeParts): Intake {
  let imported: ImportReport | undefined
  const migrate = (): void => {
    const { migrations } = parts
    if (migrations === undefined) return
    connections.outside((writer) => applyMigrations(writer, migrations))
  }
  const migrateImported = (): void => {
    try {
      migrate()
    } catch (error) {
      throw importStands(failureOf(error))
    }
  }
  const importFile: Core['importFile'] = (source, options) =>
    executor.alone(async () => {
      const report = await takeFile(parts, source, options)
      reopen()
      migrateImported()
      return report
    }, options.signal)
  return {
    importFile,
    get imported() {
      return imported
    },
    prepare: async (options) => {
      if (options.import === undefined) await executor.alone(async () => migrate())
      else imported = await importFile(options.import, options)
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
