/** `npm run bench -- [name] [--json]`: measures ours beside the peers and prints what came out, one line a
 *  case; with `--json` one JSON object a line, with the keys of `Line`.
 *  What users run is measured in the built package, which this builds first. */

import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { measureBridge } from './bridge.ts'
import { catchUp } from './catch-up.ts'
import { commitInChromium } from './commit-chromium.ts'
import { commitInNode } from './commit-node.ts'
import { kernelsInChromium, kernelsInNode } from './kernels.ts'
import { kernelsInside } from './kernels-inside.ts'
import { measureLive } from './live.ts'
import { formatLine, type Line } from './pairs.ts'
import { signerTiming } from './signer-timing.ts'
import { measureUtilities } from './utilities.ts'

type Bench = {
  readonly name: string
  /** It measures the built package, not the sources. */
  readonly isOfPackage: boolean
  run(say: (line: Line) => void): Promise<void>
}

const BENCHES: readonly Bench[] = [
  {
    name: 'commit',
    isOfPackage: true,
    run: async (say) => {
      await commitInNode(say)
      await commitInChromium(say)
    },
  },
  { name: 'bridge', isOfPackage: false, run: measureBridge },
  { name: 'live', isOfPackage: false, run: measureLive },
  { name: 'utilities', isOfPackage: true, run: measureUtilities },
  {
    name: 'kernels',
    isOfPackage: false,
    run: async (say) => {
      await kernelsInNode(say)
      await kernelsInChromium(say)
    },
  },
  { name: 'kernels-inside', isOfPackage: false, run: kernelsInside },
  { name: 'catch-up', isOfPackage: false, run: catchUp },
  { name: 'signer-timing', isOfPackage: false, run: signerTiming },
]

async function main(parameters: readonly string[]): Promise<void> {
  const isJson = parameters.includes('--json')
  const names = parameters.filter((it) => !it.startsWith('--'))
  const unknown = [
    ...names.filter((name) => !BENCHES.some((it) => it.name === name)),
    ...parameters.filter((it) => it.startsWith('--') && it !== '--json'),
  ]
  if (unknown.length > 0) {
    const known = BENCHES.map((it) => it.name).join(', ')
    throw new Error(`bench: unknown ${unknown.join(' ')}; known: ${known}, --json`)
  }
  const asked = BENCHES.filter((it) => names.length === 0 || names.includes(it.name))
  if (asked.some((it) => it.isOfPackage)) {
    const root = fileURLToPath(new URL('../..', import.meta.url))
    execFileSync('npm', ['run', '--silent', 'build'], { cwd: root, stdio: ['ignore', 2, 2] })
  }
  for (const bench of asked) {
    await bench.run((line) => console.log(isJson ? JSON.stringify(line) : formatLine(line)))
  }
}

try {
  await main(process.argv.slice(2))
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}
