/** Alone: the parts of a tab where tabs cannot meet, for lack of locks or broadcast channels: it is always the
 *  owner, and a second one gets ErrInUse from the storage. */

import type { TabParts } from './parts.ts'

export type MeetingParts = Pick<
  TabParts,
  'channel' | 'whenFree' | 'takeLock' | 'watchPage' | 'isAlone'
>

export const ALONE: MeetingParts = {
  isAlone: true,
  channel: () => ({
    postMessage: () => undefined,
    onmessage: null,
    addEventListener: () => undefined,
    close: () => undefined,
  }),
  whenFree: () => new Promise(() => undefined),
  takeLock: async () => ({ release: () => undefined }),
  watchPage: () => () => undefined,
}
