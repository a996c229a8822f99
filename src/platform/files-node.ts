/** Files on Node: imports are read from a path, exports written to one.
 *  Keeps: an exported file appears whole or not at all. */

import { closeSync, fstatSync, openSync, readSync, renameSync, rmSync, statSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { resolve } from 'node:path'
import { ConstelliteError } from '../base/failure.ts'
import { type FileAccess, type FileSource, sourceOfBytes } from '../database/files.ts'

export function createNodeFiles(): FileAccess {
  return {
    openSource: async (source) => {
      if (typeof source === 'string') return openPath(source)
      if (source instanceof Uint8Array) return sourceOfBytes(source)
      // Node keeps a Blob in memory, and reads it only asynchronously.
      return sourceOfBytes(new Uint8Array(await source.arrayBuffer()))
    },
    collect: async (pieces) => {
      const parts: Uint8Array<ArrayBuffer>[] = []
      // Each piece is a new array of its own.
      for await (const piece of pieces) parts.push(piece as Uint8Array<ArrayBuffer>)
      return new Blob(parts, { type: 'application/vnd.sqlite3' })
    },
    save,
  }
}

function openPath(path: string): FileSource {
  const absolute = resolve(path)
  const descriptor = attempt('read', absolute, () => openSync(absolute, 'r'))
  return {
    sizeBytes: attempt('read', absolute, () => fstatSync(descriptor).size),
    walBytes: sizeOf(`${absolute}-wal`),
    journalBytes: sizeOf(`${absolute}-journal`),
    read: (at, into) =>
      attempt('read', absolute, () => {
        let done = 0
        while (done < into.length) {
          const count = readSync(descriptor, into, done, into.length - done, at + done)
          if (count === 0) break
          done += count
        }
        return done
      }),
    close: () => closeSync(descriptor),
  }
}

async function save(
  path: string,
  pieces: AsyncIterable<Uint8Array>,
): Promise<{ path: string; sizeBytes: number }> {
  const absolute = resolve(path)
  const unfinished = `${absolute}.unfinished-${process.pid}`
  try {
    const file = await open(unfinished, 'w')
    let sizeBytes = 0
    try {
      for await (const piece of pieces) {
        await file.write(piece)
        sizeBytes += piece.length
      }
      await file.sync()
    } finally {
      await file.close()
    }
    renameSync(unfinished, absolute)
    return { path: absolute, sizeBytes }
  } catch (error) {
    rmSync(unfinished, { force: true })
    throw fileFailure('write', absolute, error)
  }
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0
}

function attempt<T>(action: 'read' | 'write', path: string, task: () => T): T {
  try {
    return task()
  } catch (error) {
    throw fileFailure(action, path, error)
  }
}

function fileFailure(action: 'read' | 'write', path: string, cause: unknown): ConstelliteError {
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new ConstelliteError({
    code: 'ErrStorage',
    message: `Cannot ${action} ${path}: ${reason}`,
    hint: 'Check the path and its permissions.',
    facts: { path },
    cause,
  })
}
