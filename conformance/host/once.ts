import { ucansOf } from '@symbiosis/protocol'
import { Idle, must, mustEqual, type Rule, Unseen } from './breach.ts'
import type { Peer } from './peer.ts'

/** A call that may run once, and whose answer tells runs apart: a counter, say. */
export interface OnceCall {
  can: string
  nb: object
}

/** A replay gets the first answer, and runs nothing. */
export const runsOnce = (given?: OnceCall): Rule => ({
  area: 'leases',
  name: 'runs a call once that may run once, however often it comes',
  async check(peer) {
    const once = given ?? (await found(peer))
    if (once instanceof Idle) return once
    const proofs = await peer.leases()
    const call = await peer.invocation({ ...once, proofs })
    const send = () => peer.send([call], ucansOf(proofs))
    const [first] = await send()
    must(first?.ok, `It answers ${first?.error?.name}: ${first?.error?.message}`)
    const again = await Promise.all([send(), send(), send()])
    for (const [answer] of again) mustEqual(answer, first, 'A replay gets another answer')
    const other = await peer.call({ ...once, proofs })
    must(other.ok, `Another call is answered ${other.error?.name}`)
  },
})

const found = async (peer: Peer): Promise<OnceCall | Idle> => {
  const cans = await peer.cans(({ effect, authority, stream }) => effect === 'once' && authority === 'leased' && stream === 'none')
  const sample = peer.samples.find(({ ability, error }) => cans.includes(ability) && !error)
  if (sample) return { can: sample.ability, nb: sample.nb ?? {} }
  for (const can of cans) if (!(await peer.ability(can))?.nb.required?.length) return { can, nb: {} }
  if (cans.length === 0) return new Idle('It has nothing that runs once')
  throw new Unseen(`No call that runs once is known to work: pass a sample of ${cans.join(' or ')}`)
}
