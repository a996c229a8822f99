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
