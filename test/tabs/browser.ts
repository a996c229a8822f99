/** A browser whose tabs can be ended in every way that a page can end. */

export type Tab = {
  /** The value of an expression, awaited. */
  evaluate(expression: string): Promise<unknown>
  /** Brings it to the front: the others are hidden. */
  show(): Promise<void>
  close(): Promise<void>
  /** Ends its process. */
  crash(): Promise<void>
  /** As a browser does with a page that nobody looks at, and back. */
  freeze(): Promise<void>
  thaw(): Promise<void>
  /** Goes to another page, and back to what the browser kept aside of the first. */
  leave(away: string): Promise<void>
  comeBack(): Promise<void>
}

export type TabBrowser = {
  readonly name: string
  /** It keeps a page aside that is navigated away from (back/forward cache). */
  readonly keepsPages: boolean
  open(url: string): Promise<Tab>
  close(): Promise<void>
}
