import { pin } from '@symbiosis/capabilities/pin'
import { route } from '@symbiosis/capabilities/route'
import type { HeliaEngine } from '@symbiosis/host/helia'
import type { Routing } from '@symbiosis/protocol'
import { type Block, leaf } from '../host/engine/fixtures.ts'
import { addressOf, type Network, PROTOCOL, until } from './network.ts'
import { stage } from './stage.ts'
import type { Guest, Setup, World, WorldOptions } from './world.ts'

/** Worlds whose host takes part in the network by one of its nodes, closed after each test. */
export const worldsIn = (setup: Setup, network: () => Network) => {
  const worlds: World[] = []
  afterEach(async () => {
    await Promise.all(worlds.splice(0).map((world) => world.close()))
  })
  /** By the first node, unless told. */
  return async (options: WorldOptions = {}, by = network().nodes[0]): Promise<World> => {
    const dht = { mode: 'client', protocol: PROTOCOL, bootstrap: by ? [addressOf(by)] : [], rejoinMs: 200 } as const
    const world = await setup({ dht, ...options })
    worlds.push(world)
    return world
  }
}

/** Resolves when the host knows somebody of the network. */
export const joined = async (guest: Guest): Promise<void> => {
  const nobody = '12D3KooWAFe5duQRnKcQeHK2cJeqZq1eXDbuqrv8hvhKYFM2dpmt'
  await until(async () => {
    const { result } = await guest.call(route, 'findPeer', { peer: nobody, seconds: 5 })
    return result.error?.name === 'NotFound'
  })
}

/** Content that the guest's space holds. */
export const held = async (guest: Guest, block: Block = leaf()): Promise<Block> => {
  await stage(guest, block.cid, [block])
  await guest.ask(pin, 'add', { root: block.cid })
  return block
}

/** Stands between service and network: everything goes through, unless a test has it otherwise. */
export const between =
  (over: (routing: Routing) => Partial<Routing>) =>
  (engine: HeliaEngine): HeliaEngine => {
    const { routing } = engine
    if (!routing) throw new Error('The engine takes part in no network.')
    return Object.create(engine, { routing: { value: { ...routing, ...over(routing) } } })
  }
