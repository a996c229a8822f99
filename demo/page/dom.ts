/** Dom: the few helpers that every part of the page uses.  Parts of the template are found by their
 *  `data-part`, and checked to be what they are taken for. */

/** The element of this part below `root`; throws when the template has none of this kind. */
export function part<T extends Element>(
  root: ParentNode,
  name: string,
  kind: new (...given: never[]) => T,
): T {
  const found = root.querySelector(`[data-part="${name}"]`)
  if (found instanceof kind) return found
  throw new Error(`the page has no part "${name}" of kind ${kind.name}`)
}

export function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Readonly<Record<string, string>> = {},
  ...children: readonly (Node | string)[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag)
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value)
  made.append(...children)
  return made
}

/** Sets the text only when it differs, so that screen readers are not told the same again. */
export function setText(target: Element, text: string): void {
  if (target.textContent !== text) target.textContent = text
}

/** Marks a line of a table as just arrived, for a moment. */
export function markNew(line: HTMLTableRowElement): HTMLTableRowElement {
  line.classList.add('is-new')
  setTimeout(() => line.classList.remove('is-new'), NEW_MS)
  return line
}

const NEW_MS = 1500

/** Draws at once, and then at most every `DRAW_MS`: a burst of frames must not keep the browser laying out
 *  tables.  A timer and not an animation frame, because a hidden window goes on following. */
export function throttled(draw: () => void): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined
  let isWanted = false
  const drawNow = (): void => {
    isWanted = false
    draw()
    timer = setTimeout(() => {
      timer = undefined
      if (isWanted) drawNow()
    }, DRAW_MS)
  }
  return () => {
    if (timer === undefined) drawNow()
    else isWanted = true
  }
}

const DRAW_MS = 120
