/** Tabs that share a database, from seeds: what tabs-model.ts checks holds whatever happens to them.
 *  More seeds, or one: `npm run sim:tabs -- --seed N --runs N`. */

import { describe, it } from 'vitest'
import { MODEL_TURNS, runModel } from './tabs-model.ts'

const BATCHES = 12
const SEEDS_PER_BATCH = 25

describe('tabs that come and go', () => {
  it.each(Array.from({ length: BATCHES }, (_, batch) => batch * SEEDS_PER_BATCH + 1))(
    'write exactly what they say, read it and watch it: seeds from %i on',
    async (first) => {
      for (let seed = first; seed < first + SEEDS_PER_BATCH; seed++) {
        await runModel({ seed, turns: MODEL_TURNS })
      }
    },
  )
})
