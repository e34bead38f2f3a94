import { ucansOf } from '@symbiosis/protocol'
import { must, mustEqual, type Rule } from './breach.ts'

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
    const [found] = given ? [] : await peer.once()
    const once = given ?? (found === undefined ? undefined : { can: found, nb: {} })
    // Most hosts have none.
    if (!once) return
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
