/** Callbacks for SQLite where WASM is not compiled at run time: a JavaScript function gets its WASM type from
 *  trampoline.wasm (scripts/make-trampoline.ts), which imports and exports it.
 *  The build makes sqlite-wasm call this (scripts/static-callbacks.ts).
 *  Never: runs at import. */

import { ConstelliteError } from '../base/failure.ts'
import trampoline from './trampoline.wasm'

/** An instance for each callback: an import is fixed when the instance is made. */
export function typedCallback(
  callback: (...args: never[]) => unknown,
  parameters: readonly string[],
  result: string,
): unknown {
  const signature = `${parameters.join(' ')} -> ${result}`
  const names = WebAssembly.Module.exports(trampoline).map((it) => it.name)
  if (!names.includes(signature)) throw unknownSignature(signature)
  const callbacks = Object.fromEntries(names.map((name) => [name, callback]))
  return new WebAssembly.Instance(trampoline, { callbacks }).exports[signature]
}

function unknownSignature(signature: string): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrWorkerFailed',
    message: `SQLite wants a callback of the type ${signature}, which trampoline.wasm lacks.`,
    hint: 'Add it in scripts/make-trampoline.ts and run that.',
    facts: { signature },
  })
}
