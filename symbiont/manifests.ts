import { type DID, Failure, type Service } from '@symbiosis/protocol'
import { contractOf, fetchManifest, type LoggedManifest, type Manifest, mustFollow } from '@symbiosis/protocol/manifest'
import { base64url } from 'multiformats/bases/base64'
import type { ChoiceOptions } from './calling.ts'
import { mustContinue, type SeenLog } from './filter-fetching.ts'
import type { FilterStore } from './filter-store.ts'
import { HeldFilter } from './held-filter.ts'
import { isUnavailable } from './route.ts'
import { callerTo, findHost, nearestFirst, type Self } from './self.ts'
import type { KeptHost } from './wallet.ts'

/** For which space and host a service is called, whose contract has to be fetched before. */
export interface DynamicOptions extends ChoiceOptions {
  signal?: AbortSignal
}

/** What a device learns of hosts from their manifests. */
export class Manifests {
  readonly #self: Self
  readonly #store: FilterStore | undefined
  /** The last one of each host: what of it stays as it was isn't fetched again. */
  readonly #last = new Map<string, Manifest>()

  constructor(self: Self, store: FilterStore | undefined) {
    this.#self = self
    this.#store = store
  }

  /**
   * The manifest of a host, verified. The wallet remembers its number, so that older ones are refused from now on, after a restart too; and the log that it
   * was shown in, which that of the next one has to continue.
   */
  async of(host: KeptHost, signal?: AbortSignal): Promise<LoggedManifest> {
    const { did } = host
    const { holdings, signer } = this.#self
    // What other processes have seen meanwhile counts as well.
    await holdings.reload()
    const seen = this.#seen(did)
    const logs = await this.#logs(did, seen)
    const have = this.#last.get(did)?.blocks
    const caller = callerTo(this.#self, host, signer.did, [])
    const manifest = await fetchManifest(caller, { ...(seen && { seen }), ...(have && { have }), ...(signal && { signal }) })
    for (const log of logs) await mustContinue(caller, manifest.checkpoint, log, signal)
    await this.#remember(manifest)
    this.#last.set(did, manifest)
    return manifest
  }

  #seen(did: DID): KeptHost['manifest'] {
    return this.#self.holdings.hosts.find((each) => each.did === did)?.manifest
  }

  /** What was seen of a host's log: with its last manifest, and by the filter at hand. */
  async #logs(did: DID, seen: KeptHost['manifest']): Promise<SeenLog[]> {
    const filter = HeldFilter.of(did, await this.#store?.load(did))?.proven.checkpoint
    return [...(seen?.log ? [{ size: seen.log.size, root: base64url.decode(seen.log.root) }] : []), ...(filter ? [filter] : [])]
  }

  async #remember({ host, seq, root, checkpoint }: LoggedManifest): Promise<void> {
    const next = { seq, root: String(root), log: { size: checkpoint.size, root: base64url.encode(checkpoint.root) } }
    const last = this.#seen(host)
    if (last?.root === next.root && last.log?.root === next.log.root) return
    await this.#self.holdings.update(({ hosts }) => {
      const known = hosts.find(({ did }) => did === host)
      // Another process may have seen a later one, or the same in a longer log.
      const before = known?.manifest
      const isLater = before?.root === next.root ? (before.log?.size ?? 0) < checkpoint.size : (before?.seq ?? 0) < seq
      if (known && isLater) known.manifest = next
    })
    const kept = this.#seen(host)
    // Two processes that ask at once may be told different things.
    if (kept?.seq === seq) mustFollow({ seq }, root, kept)
  }

  /**
   * The contract of a service, by the first host that has it: the nearest unless one is meant. The choice that comes with it has calls stay with that host,
   * since another may say something else.
   * @throws Failure NotFound
   */
  async contract(id: string, { signal, ...choice }: DynamicOptions): Promise<[Service, ChoiceOptions]> {
    const { host, manifest } = await this.#find(id, choice.host, signal)
    const service = manifest.services.get(id)
    if (service) return [contractOf(service), { ...choice, host: host.did }]
    throw new Failure('NotFound', `No host that is known leases "${id}".`, {
      field: 'service',
      hint: `What ${host.name || host.did} has: ${[...manifest.services.keys()].join(', ')}.`,
    })
  }

  async #find(id: string, meant?: string, signal?: AbortSignal): Promise<{ host: KeptHost; manifest: Manifest }> {
    const hosts = meant === undefined ? nearestFirst(this.#self.holdings.hosts) : []
    if (hosts.length === 0) hosts.push(findHost(this.#self, meant))
    let found: { host: KeptHost; manifest: Manifest } | undefined
    let away: unknown
    for (const host of hosts) {
      try {
        const manifest = await this.of(host, signal)
        if (manifest.services.has(id)) return { host, manifest }
        found ??= { host, manifest }
      } catch (thrown) {
        if (!isUnavailable(thrown)) throw thrown
        away ??= thrown
      }
    }
    if (!found) throw away
    return found
  }
}
