/** A path of a Worker names one relay and one page, or nothing; what a relay says over plain HTTP is the same on
 *  every platform. */
import { describe, expect, it } from 'vitest'
import { parseAllow } from '../../src/relay/allow.ts'
import { pageOf, refusalOf } from '../../src/relay/pages.ts'
import { RELAY_PATH_MAX, routeOf } from '../../src/relay/route.ts'
import { createTestChain } from './relay-chains.ts'
import { publish, setUpRelay } from './relay-fixtures.ts'

describe('a path', () => {
  it('names a relay of its own and one of its pages', () => {
    expect(routeOf('/')).toEqual({ relay: '/', page: '/' })
    expect(routeOf('/health')).toEqual({ relay: '/', page: '/health' })
    expect(routeOf('/team')).toEqual({ relay: '/team', page: '/' })
    expect(routeOf('/team/')).toEqual({ relay: '/team', page: '/' })
    expect(routeOf('/team/b-2.x_~/metrics')).toEqual({ relay: '/team/b-2.x_~', page: '/metrics' })
    expect(routeOf('/Team')).not.toEqual(routeOf('/team'))
  })

  it('with anything else in it, or too long, names none', () => {
    for (const path of ['//', '/a//b', '/a%2fb', '/a b', '/ä', 'team', '/a?b']) {
      expect([path, routeOf(path)]).toEqual([path, undefined])
    }
    const longest = `/${'a'.repeat(RELAY_PATH_MAX - 1)}`
    expect(routeOf(longest)?.relay).toBe(longest)
    expect(routeOf(`${longest}a`)).toBeUndefined()
    expect(routeOf(`${longest}/health`)?.relay).toBe(longest)
  })
})

describe('the pages of a relay', () => {
  it('greet, say how it is and count, and refuse every other method and path', async () => {
    const { relay } = await setUpRelay()
    const page = (path: string, method = 'GET') => pageOf(relay, { method, path }, { life: 7 })
    expect(page('/').text).toMatch(/Its key: [0-9a-f]{64}/)
    expect(JSON.parse(page('/health').text)).toMatchObject({ ok: true, shards: 0, life: 7 })
    expect(page('/metrics').text).toContain('constellite_relay_connections_resumed_total')
    expect(page('/metrics').headers['content-type']).toContain('version=0.0.4')
    expect([page('/other').status, page('/', 'POST').status, page('/', 'HEAD').status]).toEqual([
      404, 405, 200,
    ])
  })
})

describe('the variable ALLOW', () => {
  it('refuses everybody when it is missing or empty', () => {
    expect(refusalOf(undefined)).toMatchObject({ status: 500 })
    expect(refusalOf(' \n')?.text).toContain('ALLOW')
    expect(refusalOf('*')).toBeUndefined()
  })

  it('says with a page which entry it cannot read, and how one looks', () => {
    const page = refusalOf('everybody')
    expect(page).toMatchObject({ status: 500 })
    expect(page?.text).toContain('"everybody"')
    expect(page?.text).toContain('64 hexadecimal digits')
    expect(refusalOf(`${'ab'.repeat(32)}, ${'cd'.repeat(32)}`)).toBeUndefined()
  })

  it('takes every shard for *, else those of a list, and refuses what is neither', async () => {
    const chain = createTestChain()
    const shard = Buffer.from(chain.shard).toString('hex')
    for (const [allow, stored] of [
      ['*', 1],
      [`${'00'.repeat(32)}, ${shard}`, 1],
      ['00'.repeat(32), 0],
    ] as const) {
      const setup = await setUpRelay({ allow: parseAllow(allow) })
      await publish(setup, createTestChain(), [1])
      expect(setup.relay.status.shards).toBe(stored)
    }
    expect(() => parseAllow('everybody')).toThrow('everybody')
  })
})
