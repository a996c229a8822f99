/** What Node and workerd refuse alike: options that only a page can use, and transports that they have not. */

import { ConstelliteError } from '../base/failure.ts'
import type { OpenOptions } from '../database/options.ts'

type PageOption = 'worker' | 'wasmUrl' | 'kernelUrl'

/** `where`: where the database runs instead of in a worker. */
export function refusePageOptions(
  options: Pick<OpenOptions, PageOption>,
  { names, where }: { readonly names: readonly PageOption[]; readonly where: string },
): void {
  for (const option of names) {
    if (options[option] === undefined) continue
    throw new ConstelliteError({
      code: 'ErrOption',
      message: `The option "${option}" is for browsers.`,
      hint: `${where}: leave it out.`,
      facts: { option },
    })
  }
}

export function unknownTransport(kind: string): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrOption',
    message: `There is no transport "${kind}" here.`,
    hint: 'Use websocket(url).',
    facts: { kind },
  })
}
