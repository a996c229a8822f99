/** The bindings on a server: a render shows a loading query and an idle database, and opens nothing. */

import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { createElement, Suspense } from 'react'
import { renderToString } from 'react-dom/server'
import { compile } from 'svelte/compiler'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createSSRApp, h } from 'vue'
import { renderToString as renderVue } from 'vue/server-renderer'
import { STATUS_IDLE } from '../../src/database/status-idle.ts'
import type { Database } from '../../src/database/types.ts'
import * as react from '../../src/entry/react.ts'
import * as vue from '../../src/entry/vue.ts'
import { open } from '../../src/platform/node.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'

/** A handle, and whether anything ever opened it. */
function unopened(): { db: Database; check(): void } {
  const name = join(temporaryDirectory(), 'notes')
  const db = open(name)
  onTestFinished(() => db.close())
  return {
    db,
    check: () => {
      expect(db.status.state).toBe('idle')
      expect(existsSync(`${name}.constellite`)).toBe(false)
    },
  }
}

it('knows the status of a database that nobody used', () => {
  const { db } = unopened()
  expect(STATUS_IDLE).toEqual(db.status)
})

describe('React on a server', () => {
  it('renders a query as loading and the status as idle', async () => {
    const { db, check } = unopened()
    const View = () => {
      const { isLoading, rows } = react.useQuery(db, 'SELECT 1')
      return `${isLoading} ${rows} ${react.useStatus(db).state}`
    }
    expect(renderToString(createElement(View))).toBe('true undefined idle')
    await Promise.resolve()
    check()
  })

  it('renders a query that would suspend without rows, and does not wait', async () => {
    const { db, check } = unopened()
    const View = () => `rows: ${react.useSuspenseQuery(db, 'SELECT 1').length}`
    const tree = createElement(Suspense, { fallback: 'waiting' }, createElement(View))
    expect(renderToString(tree)).toContain('rows: 0')
    await Promise.resolve()
    check()
  })

  it('imports the hooks among server components, where React has none', () => {
    const code = `
      const React = await import('react')
      if ('useSyncExternalStore' in React) throw new Error('not the build for server components')
      const { useQuery } = await import('./src/entry/react.ts')
      console.log(typeof useQuery, process.getActiveResourcesInfo().filter((it) => it === 'Timeout').length)`
    const parameters = ['--conditions', 'react-server', '--import', './scripts/typescript.mjs']
    const printed = execFileSync(
      process.execPath,
      [...parameters, '--input-type=module', '--eval', code],
      { encoding: 'utf8' },
    )
    expect(printed).toBe('function 0\n')
  })
})

describe('Vue on a server', () => {
  it('renders a query as loading and the status as idle', async () => {
    const { db, check } = unopened()
    const app = createSSRApp({
      setup: () => {
        const { isLoading, rows } = vue.useQuery(db, 'SELECT 1')
        const status = vue.useStatus(db)
        return () => h('p', `${isLoading.value} ${rows.value} ${status.value.state}`)
      },
    })
    expect(await renderVue(app)).toBe('<p>true undefined idle</p>')
    check()
  })
})

describe('Svelte on a server', () => {
  it('renders a query as loading and the status as idle, by runes and by stores', async () => {
    const source = `<script>
      import { useQuery, useStatus } from '#svelte'
      const { db } = $props()
      const notes = useQuery(db, 'SELECT 1')
      const status = useStatus(db)
    </script>{notes.isLoading} {$notes.rows} {status.current.state} {$status.state}`
    const { js } = compile(source, { generate: 'server' })
    const entry = new URL('../../src/entry/svelte.ts', import.meta.url).href
    const program = `
      ${js.code.replace('#svelte', entry).replace('export default function', 'function')}
      const { open } = await import(${JSON.stringify(new URL('../../src/platform/node.ts', import.meta.url).href)})
      const { render } = await import('svelte/server')
      const db = open(${JSON.stringify(join(temporaryDirectory(), 'notes'))})
      const { body } = await render(_unknown_, { props: { db } })
      console.log(body.replace(/<!--.*?-->/g, ''), db.status.state)`
    const printed = execFileSync(
      process.execPath,
      ['--import', './scripts/typescript.mjs', '--input-type=module', '--eval', program],
      { encoding: 'utf8' },
    )
    // The last is the handle's own, which nothing opened.
    expect(printed).toBe('true  idle idle idle\n')
  })
})
