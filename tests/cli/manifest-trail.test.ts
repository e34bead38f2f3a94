import { cidOf } from '@symbiosis/protocol'
import type { ManifestEntry } from '@symbiosis/protocol/revocation'
import { ManifestTrail } from '../../cli/manifest-trail.ts'
import { refuses } from '../protocol/refusal.ts'

describe('the manifests of a log', () => {
  const entry = (seq: number, byte = seq): ManifestEntry => ({ kind: 'manifest', seq, root: cidOf(Uint8Array.of(byte)) })
  const trail = (...entries: ManifestEntry[]) => {
    const made = new ManifestTrail()
    for (const each of entries) made.add(each)
    return made
  }

  it('have numbers that go up', () => {
    trail(entry(1), entry(2), entry(9))
    refuses(() => trail(entry(1), entry(2), entry(2, 3)), 'BadSignature', { field: 'seq' })
    refuses(() => trail(entry(2), entry(1)), 'BadSignature', { field: 'seq' })
  })

  it('have every one that is shown, as it is shown', () => {
    const all = trail(entry(1), entry(2))
    for (const shown of [entry(1), entry(2)]) all.mustHave(shown)
    for (const shown of [entry(3), entry(2, 3), entry(3, 2)]) refuses(() => all.mustHave(shown), 'BadSignature', { field: 'root' })
  })
})
