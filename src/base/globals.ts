/** The platform's own types where the reader's project has them, a structural stand-in where it has not:
 *  so the shipped types compile in a project with neither DOM nor Node types.
 *  Never: anything at run time. */

/** `Blob`: what an export is and an import may be. */
export type FileBlob = typeof globalThis extends { Blob: { prototype: infer B } }
  ? B
  : { readonly size: number; arrayBuffer(): Promise<ArrayBuffer> }

/** `AbortSignal`. */
export type Signal = typeof globalThis extends { AbortSignal: { prototype: infer S } }
  ? S
  : { readonly aborted: boolean; readonly reason?: unknown }

/** `Worker`, made by the option `worker`. */
export type DatabaseWorker = typeof globalThis extends { Worker: { prototype: infer W } }
  ? W
  : { postMessage(message: unknown): void; terminate(): void }

/** `Response`: what an HTTP handler answers. */
export type HttpResponse = typeof globalThis extends { Response: { prototype: infer R } }
  ? R
  : { readonly status: number; text(): Promise<string> }
