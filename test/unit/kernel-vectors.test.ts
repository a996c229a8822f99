/** Published vectors hold for the WASM kernel and for the plain one: BLAKE3's official file, RFC 8032,
 *  ZIP-215's edge cases, Wycheproof. */

import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { loadKernelNode } from '../../src/crypto/kernel-load-node.ts'
import { createPlainKernel } from '../../src/crypto/kernel-plain.ts'
import {
  checkBlake3,
  checkRfc8032,
  checkWycheproof,
  checkZip215,
} from '../support/kernel-vectors.ts'

const DATA =
  process.env['CONSTELLITE_TEST_DATA'] ??
  fileURLToPath(new URL('../../../shared/data', import.meta.url))
const MISSING = 'no published vectors: set CONSTELLITE_TEST_DATA to the folder that has crypto/'

const read = (name: string): string => readFileSync(`${DATA}/crypto/${name}.json`, 'utf8')
const isThere = existsSync(`${DATA}/crypto`)

describe('published vectors of the kernels', async () => {
  const wasm = await loadKernelNode((sizeBytes) => new Uint8Array(randomBytes(sizeBytes)))
  const kernels = [
    { kind: 'wasm', kernel: wasm },
    { kind: 'plain', kernel: createPlainKernel('a test') },
  ]

  for (const { kind, kernel } of kernels) {
    it(`RFC 8032: the ${kind} kernel signs and verifies as it says`, () => {
      expect(checkRfc8032(kernel)).toEqual({ count: 4, wrong: [] })
    })

    it(`BLAKE3: the ${kind} kernel has the official hashes`, (context) => {
      if (!isThere) context.skip(MISSING)
      const outcome = checkBlake3(kernel, JSON.parse(read('blake3')))
      expect(outcome).toEqual({ count: 35, wrong: [] })
    })

    it(`ZIP-215: the ${kind} kernel decides as the rule says`, (context) => {
      if (!isThere) context.skip(MISSING)
      const outcome = checkZip215(kernel, JSON.parse(read('ed25519-zip215')))
      expect(outcome).toEqual({ count: 196, wrong: [] })
    })

    it(`Wycheproof: the ${kind} kernel decides as expected`, (context) => {
      if (!isThere) context.skip(MISSING)
      const outcome = checkWycheproof(kernel, JSON.parse(read('wycheproof-ed25519')))
      expect(outcome.wrong).toEqual([])
      expect(outcome.count).toBeGreaterThan(140)
    })
  }
})
