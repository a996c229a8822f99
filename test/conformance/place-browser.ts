/** The conformance suite's place in a browser: OPFS, and frames of a page as other windows, each with its own
 *  copy of the package. */

import { inject } from 'vitest'
import type { Elsewhere, Place } from './place.ts'

const run = crypto.randomUUID()
let count = 0

export const place: Place = {
  storageKind: 'opfs',
  isSiteMeasured: true,
  freshName: (label) => `${label}-${run}-${count++}`,
  openElsewhere,
  bytesOf: async (file) => new Uint8Array(await file.arrayBuffer()),
}

async function openElsewhere(name: string): Promise<Elsewhere> {
  const frame = document.createElement('iframe')
  document.body.append(frame)
  const answered = new Promise<Elsewhere>((resolve) => {
    addEventListener('message', (event) => {
      if (event.source === frame.contentWindow) resolve(event.data)
    })
  })
  const folder = `${inject('packedFolder')}/project/node_modules/constellite/dist/browser`
  const inside = frame.contentDocument
  if (inside === null) throw new Error('the frame has no document')
  const script = inside.createElement('script')
  script.type = 'module'
  script.textContent = `
    import { open } from ${JSON.stringify(`/@fs${folder}/index.js`)}
    const answer = (value) => parent.postMessage(value, '*')
    try {
      const db = await open(${JSON.stringify(name)})
      await db.close()
      answer({ opened: true })
    } catch ({ code, facts }) {
      answer({ opened: false, code, facts })
    }`
  inside.body.append(script)
  try {
    return await answered
  } finally {
    frame.remove()
  }
}
