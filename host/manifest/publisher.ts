import {
  type Block,
  cidOf,
  decode,
  decodeUcan,
  Failure,
  type LocalSigner,
  type Output,
  type Service,
  type Value,
} from '@symbiosis/protocol'
import {
  buildManifest,
  describeService,
  encodeManifest,
  type ManifestContent,
  type ManifestRoot,
  type manifest,
  type ServiceDescription,
  type SignedManifest,
  signManifest,
  type Terms,
  verifyManifest,
} from '@symbiosis/protocol/manifest'
import { encodeVerifierKey, logKeyOf } from '@symbiosis/protocol/revocation'
import type { CID } from 'multiformats/cid'
import { FILTERS_OPTIONS, type FiltersOptions } from '../log/filters.ts'
import type { RevocationLog } from '../log/revocation-log.ts'
import { REQUEST_OPTIONS, type RequestOptions } from '../requests.ts'
import type { Store, StoreReader } from '../store/store.ts'

/** What a host publishes of itself, and for how long it signs it. */
export interface PublishOptions {
  /** Seconds that a manifest is signed for. It's signed anew when half of them have gone. 0 publishes none. */
  manifestLife: number
  /** Addresses at which others reach the host. What it listens on is its own affair: a proxy may stand before it. */
  endpoints: readonly string[]
  /** What is said of services beyond their contracts, by their ids. */
  terms: { readonly [service: string]: Terms }
}

/** What holds where nothing else is said. */
export const PUBLISH_OPTIONS: PublishOptions = { manifestLife: 86_400, endpoints: [], terms: {} }

export const MANIFEST = 'manifest'

/** A manifest with its place in the log. */
interface Published extends SignedManifest {
  readonly index: number
}

interface Parts {
  readonly signer: LocalSigner
  readonly store: Store
  readonly log: RevocationLog
  readonly options: Partial<PublishOptions & FiltersOptions & RequestOptions>
  /** Unix seconds. */
  now(): number
}

/**
 * Publishes what the host leases. One transaction numbers a manifest, links it to the one before and puts it in the log: so each number is given once, and
 * whoever reads the log knows of every manifest that there was.
 */
export class Publisher {
  readonly #parts: Parts
  readonly #life: number
  #content: ManifestContent | undefined
  #current: Published | undefined

  constructor(parts: Parts) {
    this.#parts = parts
    this.#life = parts.options.manifestLife ?? PUBLISH_OPTIONS.manifestLife
  }

  /**
   * Begins with these services.
   * @throws Failure, as `verifyManifest` does: what no symbiont would read isn't published. TypeError for terms of a service that there isn't
   */
  async open(services: readonly Service[]): Promise<void> {
    this.#content = this.#describe(services)
    try {
      await this.keepUp()
    } catch (thrown) {
      // A host whose disk is full has to start all the same: it says what is revoked. `keepUp` is called again, and says so again.
      if (!(thrown instanceof Failure) || thrown.name !== 'Unavailable') throw thrown
    }
  }

  /** Publishes where something has changed, and signs anew what would end. */
  async keepUp(): Promise<void> {
    const content = this.#content
    if (!content || this.#life === 0) return
    const kept = await this.#kept(this.#parts.store)
    const same = kept && isPublished(kept, content) ? kept : undefined
    if (same) this.#current = same
    if (!same || !this.#lasts(same)) this.#current = await this.#publish(content)
  }

  /**
   * What the host says of itself now.
   * @throws Failure NotFound where it publishes nothing
   */
  current(): Published {
    if (this.#current) return this.#current
    throw new Failure('NotFound', 'This host publishes no manifest.', { hint: 'Ask what it leases: access/hello.' })
  }

  /** What there is to publish of its services. */
  get services(): readonly ServiceDescription[] {
    return this.#content?.services ?? []
  }

  /** The same as a CAR, without services that the caller has, and what shows that it stands in the log as of now. */
  async shown(have: readonly CID[] = []): Promise<Output<(typeof manifest)['abilities']['get']>> {
    const current = this.current()
    const known = new Set(have.map(String))
    return {
      manifest: encodeManifest(current, ({ cid }) => known.has(String(cid))),
      log: await this.#parts.log.logged(current.index),
    }
  }

  /** Not where it would for too long, either: a clock that was set back has signed what nobody else believes. */
  #lasts({ signature }: SignedManifest): boolean {
    const left = (signature.expiration ?? 0) - this.#parts.now()
    return left > this.#life / 2 && left <= this.#life
  }

  async #publish(content: ManifestContent): Promise<Published> {
    const { signer, store, log, now } = this.#parts
    let isNew = false
    const published = await store.write(async (tx) => {
      const last = await this.#kept(tx)
      const same = last && isPublished(last, content) ? last : undefined
      isNew = !same
      const blocks = same ?? buildManifest(content, next(last, now()))
      const { seq } = numberOf(blocks.root)
      const signature = await signManifest(signer, { root: blocks.root, seq, expiration: now() + this.#life })
      const signed = { ...blocks, signature }
      verifyManifest(encodeManifest(signed), { host: signer.did, now: now() })
      const index = same ? same.index : await log.append(tx, [{ entry: { kind: 'manifest', seq, root: blocks.root.cid } }])
      await tx.put(MANIFEST, signer.did, '', recordOf({ ...signed, index }))
      return { ...signed, index }
    })
    if (isNew) log.tell()
    return published
  }

  #describe(services: readonly Service[]): ManifestContent {
    const { signer, log, options } = this.#parts
    const { endpoints = PUBLISH_OPTIONS.endpoints, terms = PUBLISH_OPTIONS.terms } = options
    const { filterEvery: every = FILTERS_OPTIONS.filterEvery, filtersKept: kept = FILTERS_OPTIONS.filtersKept } = options
    const { maxLeaseTtl: maxLease = REQUEST_OPTIONS.maxLeaseTtl } = options
    const stray = Object.keys(terms).find((id) => !services.some((service) => service.id === id))
    if (stray !== undefined) throw new TypeError(`There are terms of "${stray}", which is no service of this host.`)
    const isLeased = ({ abilities }: Service) => Object.values(abilities).some(({ authority }) => authority === 'leased')
    return {
      host: signer.did,
      log: { key: encodeVerifierKey(logKeyOf(signer.did, log.key)), ...(every > 0 && { filters: { every, kept } }) },
      endpoints,
      services: services.map((service) => describeService(service, { ...(isLeased(service) && { maxLease }), ...terms[service.id] })),
    }
  }

  async #kept(reader: StoreReader): Promise<Kept | undefined> {
    const record = (await reader.get(MANIFEST, this.#parts.signer.did, '')) as unknown as Stored | undefined
    if (!record) return undefined
    const { index } = record
    const { cid, bytes } = blockOf(record.signature)
    return {
      signature: decodeUcan(cid, bytes),
      root: blockOf(record.root),
      services: record.services.map(blockOf),
      ...(index !== undefined && { index }),
    }
  }
}

/** Stores of before don't say where in the log it stands. */
type Kept = SignedManifest & Partial<Published>

type Stored = {
  readonly signature: Uint8Array
  readonly root: Uint8Array
  readonly services: readonly Uint8Array[]
  readonly index?: number
}

const recordOf = ({ signature, root, services, index }: Published): Value => ({
  signature: signature.bytes,
  root: root.bytes,
  services: services.map(({ bytes }) => bytes),
  index,
})

const blockOf = (bytes: Uint8Array): Block => ({ cid: cidOf(bytes), bytes })

const numberOf = ({ bytes }: Block): Pick<ManifestRoot, 'seq' | 'prev'> => decode(bytes) as unknown as ManifestRoot

/**
 * Also above the time of day: a host that lost its store, and kept its key, would else begin again below what symbionts have seen, and be taken for one who
 * brings old manifests back.
 */
const next = (last: SignedManifest | undefined, now: number): Pick<ManifestRoot, 'seq' | 'prev'> =>
  last ? { seq: Math.max(numberOf(last.root).seq + 1, now), prev: last.root.cid } : { seq: Math.max(1, now) }

/** Whether a manifest says the same, with its place in the log: with its own number, the content gives its root. */
const isPublished = (kept: Kept, content: ManifestContent): kept is Published =>
  kept.index !== undefined && buildManifest(content, numberOf(kept.root)).root.cid.equals(kept.root.cid)
