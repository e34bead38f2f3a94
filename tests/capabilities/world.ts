import { join } from 'node:path'
import { type DagSettings, dagService } from '@symbiosis/capabilities/dag/host'
import type { Calls } from '@symbiosis/capabilities/dag/symbiont'
import { type PinSettings, pinService } from '@symbiosis/capabilities/pin/host'
import { type RouteSettings, routeService } from '@symbiosis/capabilities/route/host'
import { allow, Host, openLog, type Store, sqliteStore } from '@symbiosis/host'
import { type DhtOptions, type HeliaEngine, helia } from '@symbiosis/host/helia'
import {
  type Amounts,
  access,
  type Channel,
  type DID,
  extract,
  Failure,
  generateSeed,
  httpChannel,
  type Input,
  inProcessChannel,
  invoke,
  type Output,
  type Proof,
  revocation,
  type Service,
  signerFromSeed,
} from '@symbiosis/protocol'
import type { CID } from 'multiformats/cid'
import { usedOf } from '../../host/usage.ts'
import type { Block } from '../host/engine/fixtures.ts'

/** A space with leases at the host of a world, which calls it as its own agent. */
export interface Guest extends Calls {
  readonly did: DID
  /** The answer alone, refusals thrown. */
  ask<S extends Service, N extends keyof S['abilities'] & string>(
    service: S,
    name: N,
    input: Input<S['abilities'][N]>,
    options?: { signal?: AbortSignal; body?: ReadableStream<Uint8Array> },
  ): Promise<Output<S['abilities'][N]>>
  used(service: string): Promise<Amounts>
  /** Takes the lease of a service back, as the space may. */
  revokeLease(service: string): Promise<void>
  /** Gets another one. */
  leaseAgain(service: string): Promise<void>
}

/** What the suites of services need: a host, guests with leases, and content elsewhere. */
export interface World {
  guest(limits?: { [service: string]: Amounts }, ttl?: number): Promise<Guest>
  /** Where another peer serves these blocks: multiaddrs. */
  origin(blocks: readonly Block[]): Promise<string[]>
  collect(): Promise<{ kept: number; removed: number }>
  /** Whether the host's engine has the one block. */
  has(cid: CID): Promise<boolean>
  restart(options?: WorldOptions): Promise<void>
  close(): Promise<void>
}

export interface WorldOptions {
  pin?: Partial<PinSettings>
  dag?: Partial<DagSettings>
  route?: Partial<RouteSettings>
  /** The network that the host takes part in, which brings the service `route`. */
  dht?: DhtOptions
  /** Whether the host's neighbourhood is dialled and told; it is unless said. */
  allowPrivate?: boolean
  /** Seconds that the clock of the host and its guests is ahead. */
  ahead?(): number
  /** Calls over loopback HTTP instead of in the process. */
  http?: boolean
  /** Stands between the services and the engine. */
  engine?(engine: HeliaEngine): HeliaEngine
}

export type Setup = (options?: WorldOptions) => Promise<World>

/** A world on a real host with the Helia engine, in folders that `folder` gives. */
export const helianWorld =
  (folder: () => Promise<string>): Setup =>
  async (first = {}) => {
    const dir = await folder()
    const peers: HeliaEngine[] = []
    let running = await open(dir, first)
    const guest = async (limits: { [service: string]: Amounts } = {}, ttl?: number): Promise<Guest> => {
      const signer = signerFromSeed(generateSeed())
      const channel: Channel = {
        url: 'this world',
        request: (...args) => running.channel.request(...args),
        open: (...args) => running.channel.open(...args),
      }
      const base = { signer, host: running.host.did, subject: signer.did, channel, now: running.now }
      const lease = async (...ids: string[]): Promise<Proof[]> => {
        const abilities = ids.map((id) => ({ can: `${id}/*`, ...(limits[id] && { limits: limits[id] }) }))
        const { result } = await invoke({ ...base, proofs: [] }, access, 'request', { abilities, ...(ttl && { ttl }) })
        return (result.ok?.leases ?? []).map(extract)
      }
      let proofs = await lease(...running.services)
      const leaseOf = (service: string) => proofs.find(({ ucan }) => ucan.capabilities[0]?.can === `lease/${service}/*`) as Proof
      const call: Calls['call'] = (service, name, input, options) => invoke({ ...base, proofs }, service, name, input, options)
      return {
        did: signer.did,
        call,
        async ask(service, name, input, options) {
          const { result } = await call(service, name, input, options)
          if (result.error) throw Failure.fromRefusal(result.error)
          return result.ok as never
        },
        used: (service) => usedOf(running.store, { by: running.host.did, to: signer.did }, service),
        async revokeLease(service) {
          const gone = leaseOf(service)
          const { result } = await invoke({ ...base, proofs }, revocation, 'revoke', { ucan: gone.ucan.cid }, { attach: [gone] })
          if (result.error) throw Failure.fromRefusal(result.error)
        },
        async leaseAgain(service) {
          const gone = leaseOf(service)
          proofs = [...proofs.filter((proof) => proof !== gone), ...(await lease(service))]
        },
      }
    }
    return {
      guest,
      async origin(blocks) {
        const peer = await helia({ dir: await folder() })
        peers.push(peer)
        await peer.store(blocks, async () => {})
        return peer.multiaddrs
      },
      collect: () => running.host.collect(),
      async has(cid) {
        try {
          for await (const _ of running.engine.walk(cid)) return true
        } catch (reason) {
          if ((reason as Error).name !== 'NotFound') throw reason
        }
        return false
      },
      async restart(options = first) {
        await running.host.close()
        running = await open(dir, options)
      },
      async close() {
        await running.host.close()
        await Promise.all(peers.map((peer) => peer.close()))
      },
    }
  }

interface Running {
  host: Host
  engine: HeliaEngine
  store: Store
  channel: Channel
  /** By their ids. */
  services: string[]
  now(): number
}

const open = async (dir: string, options: WorldOptions): Promise<Running> => {
  const { pin, dag, route, dht, http, allowPrivate = true, ahead = () => 0, engine: wrap = (engine) => engine } = options
  const engine = wrap(await helia({ dir: join(dir, 'engine'), allowPrivateOrigins: allowPrivate, retryMs: 200, ...(dht && { dht }) }))
  const store = sqliteStore(join(dir, 'host.sqlite'))
  const services = (backend: HeliaEngine) => [
    pinService(backend, pin),
    dagService(backend, dag),
    ...(backend.routing ? [routeService(backend.routing, route)] : []),
  ]
  const now = () => Math.floor(Date.now() / 1000) + ahead()
  const host = await Host.open({
    dir,
    engine,
    store,
    services,
    consent: allow,
    collectEvery: 0,
    grace: 1,
    now,
    log: openLog({ level: 'silent' }),
  })
  const running = { host, engine, store, now, services: ['pin', 'dag', ...(engine.routing ? ['route'] : [])] }
  if (!http) return { ...running, channel: inProcessChannel(host.door) }
  const { url = '' } = await host.listen()
  return { ...running, channel: httpChannel(url) }
}
