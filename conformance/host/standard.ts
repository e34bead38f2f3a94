import { dag } from '@symbiosis/capabilities/dag'
import { pin } from '@symbiosis/capabilities/pin'
import { route } from '@symbiosis/capabilities/route'
import { type Block, cidOf, encode, encodeCar } from '@symbiosis/protocol'
import { compareServices, describeService, type ServiceDescription } from '@symbiosis/protocol/manifest'
import type { Sample } from '../guests.ts'
import { Idle, must, type Rule } from './breach.ts'
import type { Peer } from './peer.ts'

const STANDARD = [dag, pin, route]

const RAW = 0x55

/** Two blocks, whoever calls for them: the same for all hosts, and all spaces. */
const blocksOf = (): [Block, Block] => {
  const leaf = new TextEncoder().encode('Two may live together to the good of both.')
  const below = { cid: cidOf(leaf, RAW), bytes: leaf }
  const bytes = encode({ below: below.cid })
  return [{ cid: cidOf(bytes), bytes }, below]
}

/** The DAG that the rules push, pin and have back. */
export const BLOCKS = blocksOf()

/** Calls of the standard services that the host has. */
export const standardSamples = async (peer: Peer): Promise<readonly Sample[]> => {
  const [top] = BLOCKS
  const root = top.cid
  const size = BLOCKS.reduce((sum, { bytes }) => sum + bytes.length, 0)
  const all: Sample[] = [
    { ability: 'dag/import', nb: { root }, body: encodeCar({ roots: [root], blocks: BLOCKS }), uses: { bytes: size } },
    { ability: 'dag/export', nb: { root } },
    // How many bytes of a pin count shows as they come, and so perhaps later than its answer.
    {
      ability: 'pin/add',
      nb: { root, name: 'conformance' },
      uses: { pins: 1 },
      varies: ['created', 'deadline', 'status', 'bytes', 'blocks', 'pending'],
    },
    { ability: 'pin/status', nb: { root }, varies: ['created', 'deadline', 'status', 'bytes', 'blocks', 'pending', 'message', 'reason'] },
    { ability: 'pin/remove', nb: { root }, uses: { pins: -1 } },
  ]
  const told = await Promise.all(all.map(({ ability }) => peer.ability(ability)))
  return all.filter((_, at) => told[at]?.authority === 'leased')
}

/** What everybody expects under the name of a standard service. */
export const standard: Rule = {
  area: 'services',
  name: 'has the standard services as their contracts are',
  async check(peer) {
    const { services } = await peer.manifest()
    const had = STANDARD.filter(({ id }) => peer.services.some((service) => service.id === id))
    for (const contract of had) {
      const told = services.get(contract.id)
      must(told, `Its manifest lacks ${contract.id}`)
      if (told) mustFit(describeService(contract), told)
    }
    if (had.length === 0) return new Idle('It has none of the standard services')
  },
}

/** Either may be the later revision. How a host words it and which amounts it leases unless asked is its own, and needs no revision. */
const mustFit = (known: ServiceDescription, told: ServiceDescription): void => {
  const [before, after] = told.rev < known.rev ? [told, known] : [known, told]
  const change = compareServices(before, after).find(({ path, compatible }) => !compatible && path !== 'rev')
  must(!change, `Of ${known.id}, ${change?.path} ${change?.what}`)
}
