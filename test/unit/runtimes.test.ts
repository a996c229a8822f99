/** The finder of runtimes takes what is given, says why there is none, and lets Deno do no more than it must. */

import { afterEach, describe, expect, it, vi } from 'vitest'
import { commandIn, findRuntime, type Runtime } from '../support/runtimes.ts'

describe('the finder of runtimes', () => {
  afterEach(() => vi.unstubAllEnvs())

  it('finds this Node without a search, and a program that is given', () => {
    expect(findRuntime('node')).toMatchObject({ program: process.execPath, parameters: [] })
    vi.stubEnv('CONSTELLITE_BUN', process.execPath)
    expect(findRuntime('bun')).toMatchObject({ name: 'bun', program: process.execPath })
  })

  it('says why where what is given does not exist, and looks no further', () => {
    vi.stubEnv('CONSTELLITE_DENO', '/nowhere/deno')
    expect(findRuntime('deno')).toEqual({
      program: undefined,
      reason: 'no deno: CONSTELLITE_DENO names /nowhere/deno, which does not exist',
    })
  })

  it('asks nobody for permissions, and gives Deno those for the folders that are named', () => {
    const deno: Runtime = { name: 'deno', program: 'deno', parameters: ['run', '--no-prompt'] }
    const command = commandIn(deno, ['/a', '/b'])
    expect(command.slice(0, 3)).toEqual(['deno', 'run', '--no-prompt'])
    expect(command).toContain('--allow-write=/a,/b')
    expect(command).not.toContain('--allow-all')
    expect(commandIn({ ...deno, name: 'bun', parameters: [] }, ['/a'])).toEqual(['deno'])
  })
})
