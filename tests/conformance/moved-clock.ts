import type { SharedClock } from '@symbiosis/conformance'

/** Real time, but that whoever waits for something moves it on instead. */
export const movedClock = (): SharedClock => {
  let ahead = 0
  return {
    now: () => Math.floor(Date.now() / 1000) + ahead,
    pass: async (seconds) => {
      ahead += seconds
    },
  }
}
