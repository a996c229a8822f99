/** Held: what holds a timer or waiting callers and must be let go.  `dispose()` always; `using` too, where
 *  the runtime and the reader's `lib` know it.
 *  Keeps: loads on Node 20, which has no `using`, and compiles with `lib` ES2022 alone.
 *  Base classes, because TypeScript then carries the symbol into the types of what extends them. */

type SymbolOf<Name extends 'dispose' | 'asyncDispose'> = SymbolConstructor extends {
  readonly [K in Name]: infer S extends symbol
}
  ? S
  : never

export type Held = { dispose(): void } & { readonly [K in SymbolOf<'dispose'>]: () => void }

export type HeldAsync = { close(): Promise<void> } & {
  readonly [K in SymbolOf<'asyncDispose'>]: () => Promise<void>
}

class WithDispose {
  dispose(): void {}
}

class WithClose {
  close(): Promise<void> {
    return Promise.resolve()
  }
}

/** Base of what `dispose` lets go at once. */
export const HeldBase: new () => Held = attach('dispose', WithDispose, (it) => it.dispose())

/** Base of what `close` lets go when its last work is done. */
export const HeldAsyncBase: new () => HeldAsync = attach('asyncDispose', WithClose, (it) =>
  it.close(),
)

function attach<T extends object, H>(
  name: 'dispose' | 'asyncDispose',
  base: new () => T,
  release: (it: T) => unknown,
): new () => H {
  // Read by name, because the type knows the symbol only where `lib` has it.
  const symbol = (Symbol as unknown as Record<string, symbol | undefined>)[name]
  if (symbol !== undefined) {
    Object.defineProperty(base.prototype, symbol, {
      configurable: true,
      value(this: T) {
        return release(this)
      },
    })
  }
  // The property just defined is what the type adds to the base.
  return base as unknown as new () => H
}
