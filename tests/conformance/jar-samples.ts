import type { Sample } from '@symbiosis/conformance'

/** Calls of the jar that work for a new space, for rules that know nothing of it. */
export const jarSamples: readonly Sample[] = [
  { ability: 'jar/put', nb: { thing: 'spoon', size: 100 }, uses: { bytes: 100, things: 1 } },
  { ability: 'jar/count', nb: {} },
  { ability: 'jar/fill', body: new Uint8Array(1000).fill(7) },
  { ability: 'jar/fill', nb: { stopAt: 10 }, body: new Uint8Array(1000), error: 'Full' },
  { ability: 'jar/pour', nb: { bytes: 20_000 } },
  { ability: 'jar/drop', nb: { thing: 'spoon' }, uses: { bytes: -100, things: -1 } },
  { ability: 'jar/look' },
]
