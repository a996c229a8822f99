import { open } from 'constellite'
import { describe, expect, it } from 'vitest'
import { place } from '#place'

describe('ownership', () => {
  if (place.isShared) {
    it('lets a second window in while the first has it open, and after', async () => {
      const name = place.freshName('owned')
      const db = await open(name)
      expect(await place.openElsewhere(name)).toEqual({ opened: true })
      expect(db.status.owner).toBe('here')
      await db.run`SELECT 1`
      await db.close()
      expect(await place.openElsewhere(name)).toEqual({ opened: true })
    })
  } else {
    it('refuses a second process with who and since when, until the first closes', async () => {
      const name = place.freshName('owned')
      const startedAt = Date.now()
      const db = await open(name)
      const refused = await place.openElsewhere(name)
      expect(refused).toMatchObject({ opened: false, code: 'ErrInUse' })
      if (refused.opened) return
      expect(String(refused.facts['who']).length).toBeGreaterThan(0)
      const since = Number(refused.facts['since'] ?? refused.facts['sinceMs'])
      expect(since).toBeGreaterThan(startedAt - 60_000)
      expect(since).toBeLessThan(startedAt + 60_000)
      await db.run`SELECT 1`
      await db.close()
      expect(await place.openElsewhere(name)).toEqual({ opened: true })
    })
  }
})
