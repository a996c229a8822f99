/** Ending: a promise that resolves once, with the reason why a core stopped by itself. */

import type { ConstelliteError } from '../base/failure.ts'

export type Ending = {
  readonly ended: Promise<ConstelliteError>
  tell(failure: ConstelliteError): void
}

export function createEnding(): Ending {
  let tell: (failure: ConstelliteError) => void = () => undefined
  const ended = new Promise<ConstelliteError>((resolve) => {
    tell = resolve
  })
  return { ended, tell }
}
