import { type DID, Failure, type Service } from '@symbiosis/protocol'
import { contractOf, fetchManifest, type Manifest } from '@symbiosis/protocol/manifest'
import { isUnavailable } from './route.ts'
import { callerTo, findHost, nearestFirst, type Self } from './self.ts'
import type { KeptHost } from './wallet.ts'

/** What a device learns of hosts from their manifests. */
export class Manifests {
  readonly #self: Self
  /** The last one of each host: what of it stays as it was isn't fetched again. */
  readonly #last = new Map<string, Manifest>()

  constructor(self: Self) {
    this.#self = self
  }

  /** The manifest of a host, verified. The wallet remembers its number, so that older ones are refused from now on, after a restart too. */
  async of(host: KeptHost, signal?: AbortSignal): Promise<Manifest> {
    const { did } = host
    // What other processes have seen meanwhile counts as well.
    await this.#self.holdings.reload()
    const seen = this.#self.holdings.hosts.find((each) => each.did === did)?.manifest
    const have = this.#last.get(did)?.blocks
    const manifest = await fetchManifest(callerTo(this.#self, host, this.#self.signer.did, []), {
      ...(seen && { seen }),
      ...(have && { have }),
      ...(signal && { signal }),
    })
    this.#last.set(did, manifest)
    const { seq, root } = manifest
    if (seen?.seq !== seq) {
      await this.#self.holdings.update(({ hosts }) => {
        const known = hosts.find((each) => each.did === did)
        if (known && (known.manifest?.seq ?? 0) < seq) known.manifest = { seq, root: String(root) }
      })
    }
    return manifest
  }

  /**
   * The contract of a service, by the first host that has it: the nearest unless one is meant. What calls are made by it have to stay with that host, since
   * another may say something else.
   * @throws Failure NotFound
   */
  async contract(id: string, meant?: string, signal?: AbortSignal): Promise<{ contract: Service; host: DID }> {
    const { host, manifest } = await this.#find(id, meant, signal)
    const service = manifest.services.get(id)
    if (service) return { contract: contractOf(service), host: host.did }
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
