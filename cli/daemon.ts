import { hostname } from 'node:os'
import { join } from 'node:path'
import dag from '@symbiosis/capabilities/dag/host'
import pin from '@symbiosis/capabilities/pin/host'
import route from '@symbiosis/capabilities/route/host'
import { allow, ask, askInTerminal, type Consent, deny, type FollowNamed, Host, type Listener, type Log } from '@symbiosis/host'
import { helia } from '@symbiosis/host/helia'
import type { Provided } from '@symbiosis/protocol'
import { socketOf } from './places.ts'
import { type LoadedService, loadServicePackage, openService } from './service-package.ts'

export type Approve = 'ask' | 'all' | 'none'

export interface DaemonOptions {
  dir: string
  port: number
  address?: string
  /** Addresses at which others reach the host. */
  endpoint?: readonly string[]
  /** A DNS name under which the metrics may be asked for. */
  knownAs?: string
  socket?: string
  approve: Approve
  name?: string
  /** Whether content may be fetched from peers on this machine and its networks. */
  allowPrivateOrigins?: boolean
  /** Multiaddrs on which its libp2p node listens. */
  listen?: string[]
  /** How it takes part in the network where content is looked for; it does where it's told how, or whom to join. */
  dht?: 'client' | 'server'
  /** Multiaddrs of peers by whom it joins that network. */
  bootstrap?: string[]
  /** Addresses of hosts whose logs are followed. */
  follow?: readonly string[]
  /** Seconds, and entries of the log, after which a filter of it is made anew. */
  filterEvery?: number
  filterAfter?: number
  /** Which hosts are dialled because delegations name their logs. */
  followNamed?: FollowNamed
  /** Packages and folders of further services. */
  service?: readonly string[]
  log: Log
}

const PIN: LoadedService = { id: '@symbiosis/capabilities/pin', open: pin }
const DAG: LoadedService = { id: '@symbiosis/capabilities/dag', open: dag }
const ROUTE: LoadedService = { id: '@symbiosis/capabilities/route', open: route }

/** The host of one machine: Helia for its blocks and peers, our services, and those that its operator names. */
export const startDaemon = async (options: DaemonOptions): Promise<{ host: Host; listener: Listener; services: string[] }> => {
  const {
    dir,
    port,
    address,
    endpoint: endpoints = [],
    knownAs,
    socket = socketOf(dir),
    approve,
    name = hostname(),
    allowPrivateOrigins = false,
    listen,
    bootstrap = [],
    dht: mode = bootstrap.length > 0 ? 'client' : undefined,
    follow = [],
    filterEvery,
    filterAfter,
    followNamed = 'public',
    service: packages = [],
    log,
  } = options
  const loaded = [PIN, DAG, ...(mode ? [ROUTE] : [])]
  // Before the host takes its folder and opens its engine: a wrong name is told at once.
  for (const each of packages) loaded.push(await loadServicePackage(each))
  const opened: Provided[] = []
  const host = await Host.open({
    dir,
    endpoints,
    name,
    log,
    follow,
    ...(filterEvery !== undefined && { filterEvery }),
    ...(filterAfter !== undefined && { filterAfter }),
    followNamed,
    engine: () =>
      helia({ dir: join(dir, 'engine'), allowPrivateOrigins, ...(listen && { listen }), ...(mode && { dht: { mode, bootstrap } }) }),
    async services(engine) {
      for (const each of loaded) opened.push(await openService(each, dir, engine))
      return opened
    },
    consent: consentFor(approve),
  })
  try {
    const listener = await host.listen({ port, socket, ...(address && { address }), ...(knownAs && { names: [knownAs] }) })
    return { host, listener, services: opened.map(({ service }) => service.id) }
  } catch (thrown) {
    await host.close()
    throw thrown
  }
}

/** Operators can always answer. Where nobody sits at the terminal, they are the only ones who do. */
const consentFor = (approve: Approve): Consent => {
  if (approve === 'all') return allow
  if (approve === 'none') return deny
  return process.stdin.isTTY ? askInTerminal() : ask
}
