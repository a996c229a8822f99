/** Window: a frame of this page as another window of its origin, with its own copy of the package. */

import { inject } from 'vitest'

export type OtherWindow = Pick<typeof import('constellite'), 'open' | 'remove'> & {
  /** Ends it as a closed window ends: nothing of it is closed before. */
  end(): void
}

export type WindowOptions = {
  /** False: as in browsers before 2022, where tabs cannot meet. */
  readonly hasLocks?: boolean
}

export async function openWindow({ hasLocks = true }: WindowOptions = {}): Promise<OtherWindow> {
  const frame = document.createElement('iframe')
  document.body.append(frame)
  const { contentWindow, contentDocument } = frame
  if (contentWindow === null || contentDocument === null) throw new Error('the frame is empty')
  if (!hasLocks) Object.defineProperty(contentWindow.navigator, 'locks', { value: undefined })
  const loaded = new Promise<unknown>((resolve) => {
    addEventListener('message', (event) => {
      if (event.source === contentWindow) resolve(event.data)
    })
  })
  const folder = `${inject('packedFolder')}/project/node_modules/constellite/dist/browser`
  const script = contentDocument.createElement('script')
  script.type = 'module'
  script.textContent = `
    import { open, remove } from ${JSON.stringify(`/@fs${folder}/index.js`)}
    Object.assign(globalThis, { constellite: { open, remove } })
    parent.postMessage('loaded', '*')`
  contentDocument.body.append(script)
  await loaded
  // The script has put it there.
  const { constellite } = contentWindow as unknown as { constellite: Omit<OtherWindow, 'end'> }
  return { ...constellite, end: () => frame.remove() }
}
