import type { Block } from '@symbiosis/protocol'
import { NOW } from '../fixtures.ts'
import type { Random } from './random.ts'
import { blocksOf, named, type Part, part, sealed, written } from './sealing.ts'
import type { Caller, Stage } from './stage.ts'

/**
 * The most that a message may ask for within the bounds: many calls at once, each with delegations that nobody has seen before, all but the last signed for
 * something else, or a chain as long as it may be.
 */
export const crowd = (random: Random, stage: Stage): { root: Block; blocks: Block[] } => {
  const [owner] = stage.callers as [Caller]
  const [agent] = stage.strangers as [Part['signer']]
  const [count, proofs] = random.pick([
    [64, 4],
    [64, 7],
    [8, 31],
    [1, 31],
    [1, 33],
  ] as const)
  const said = () => ({ can: 'pin/*', with: owner.space, exp: NOW + 3600, nnc: random.text(12) })
  const other = sealed(part(owner.signer, agent.did, said())).model.s
  const delegated = (last: boolean) => {
    const { model, ...rest } = part(owner.signer, agent.did, said())
    return sealed({ ...rest, model: { ...model, ...(!last && { s: other }) } })
  }
  const chain = () => {
    let link = sealed(part(owner.signer, agent.did, said()))
    for (let depth = 1; depth < proofs; depth++) link = sealed(part(agent, agent.did, said(), [link]))
    return [link]
  }
  const invocations = Array.from({ length: count }, () => {
    const shown = random.chance(0.3) && count < 64 ? chain() : Array.from({ length: proofs }, (_, index) => delegated(index === proofs - 1))
    const asked = random.pick([
      { can: 'pin/list', nb: { limit: 1 } },
      { can: 'pin/status', nb: { root: random.pick(stage.roots) } },
      { can: 'pin/add', nb: { root: random.pick(stage.dags).root } },
    ])
    const call = { ...asked, with: owner.space, exp: NOW + 60, nnc: random.text(12) }
    return sealed(part(agent, stage.host, call, [...shown, ...(owner.proofs.pin ?? [])]))
  })
  const root = named(written({ 'ucanto/message@7.0.0': { execute: invocations.map(({ block }) => block?.cid) } }))
  return { root, blocks: blocksOf(invocations) }
}
