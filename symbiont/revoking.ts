import {
  brief,
  type DID,
  decode,
  encode,
  Failure,
  invoke,
  type Logged,
  leaseOf,
  type Proof,
  parseCheckpoint,
  parseNote,
  proofOf,
  type Refusal,
  revocation,
  toRefusal,
  unwrap,
  verifyLogged,
} from '@symbiosis/protocol'
import { base64url } from 'multiformats/bases/base64'
import { isToken, readBundle } from './bundle.ts'
import { leasesFor } from './choose.ts'
import { keep, proofFromText } from './holdings.ts'
import { callerTo, ownerProofs, type Self } from './self.ts'
import { rootOf } from './standing.ts'
import type { KeptHost } from './wallet.ts'

/** What became of a revocation. */
export interface Revoked {
  /** CID of the UCAN that was revoked. */
  cid: string
  /** In whose name. */
  by: DID
  /**
   * Every host that it could be used at. One that acknowledged has the revocation in its log, by a proof that was verified and is kept: as entry `index` of
   * `size`. Those with an error are told again on later calls, and by revoking again.
   */
  hosts: ({ did: DID; name: string; error?: Refusal } & Partial<Acknowledged>)[]
}

interface Acknowledged {
  /** When the host says it did, Unix seconds. */
  at: number
  index?: number
  size?: number
}

/** Seconds that a host has to acknowledge, and that one is left alone which didn't. */
const PATIENCE = 15
const PAUSE = 60

/** Takes back delegations and leases, and sees to it that every host learns of it. */
export class Revoker {
  readonly #self: Self
  readonly #paused = new Map<string, number>()

  constructor(self: Self) {
    this.#self = self
  }

  /**
   * Resolves when at least one host has acknowledged. Nothing is marked as revoked before.
   * @throws Failure Unavailable (no host acknowledged), NotFound (nothing has that CID), NotRevoker, and what the only host refused with
   */
  async revoke(cidOrToken: string, signal?: AbortSignal): Promise<Revoked> {
    const proof = this.#find(cidOrToken.trim())
    const cid = String(proof.ucan.cid)
    const by = this.#speaker(proof)
    const told = this.#self.holdings.revocationOf(cid)?.told ?? []
    const results = await Promise.all(
      this.#hostsOf(proof).map(async (host) => {
        const before = told.find((each) => each.host === host.did)
        const outcome: Outcome = before ?? (await this.#tell(host, proof, by, signal))
        return { host, outcome }
      }),
    )
    const hosts = results.map(({ host: { did, name }, outcome: { at, log, error } }) => ({
      did,
      name,
      ...(at !== undefined && { at }),
      ...(log && placeOf(log)),
      ...(error && { error }),
    }))
    if (!hosts.some(({ at }) => at !== undefined)) throw nobodyTold(cid, hosts)
    await this.#keep(
      proof,
      by,
      results.map(({ host: { did }, outcome }) => ({ did, ...outcome })),
    )
    return { cid, by, hosts }
  }

  /** Hosts that still have to be told, by revocation. */
  pending(): { proof: Proof; hosts: KeptHost[] }[] {
    return this.#self.holdings.revoked.flatMap(({ archive, told }) => {
      if (!archive) return []
      const proof = proofFromText(archive)
      const hosts = this.#hostsOf(proof).filter(({ did }) => !told.some(({ host }) => host === did))
      return hosts.length > 0 ? [{ proof, hosts }] : []
    })
  }

  /** Tells hosts that were away, or are new, of earlier revocations. */
  lazily(): void {
    const now = this.#self.now()
    for (const { proof, hosts } of this.pending()) {
      for (const host of hosts) {
        const name = `${proof.ucan.cid} ${host.did}`
        if ((this.#paused.get(name) ?? 0) > now) continue
        this.#paused.set(name, now + PAUSE)
        this.#self.background(async () => {
          const by = this.#speaker(proof)
          const outcome = await this.#tell(host, proof, by, this.#self.signal)
          await this.#keep(proof, by, [{ did: host.did, ...outcome }])
        })
      }
    }
  }

  #find(cidOrToken: string): Proof {
    if (isToken(cidOrToken)) return readBundle(cidOrToken).delegation
    const { spaces, leases, issued, revoked } = this.#self.holdings
    const held = [...issued, ...spaces.flatMap(({ delegations }) => delegations), ...leases].map(({ proof }) => proof)
    const known = [...held, ...revoked.flatMap(({ archive }) => (archive ? [proofFromText(archive)] : []))]
    for (const { ucan, proofs } of known) {
      const link = [ucan, ...proofs].find(({ cid }) => String(cid) === cidOrToken)
      if (link) return proofOf(link.cid, [ucan, ...proofs])
    }
    throw new Failure('NotFound', `Nothing with the CID ${brief(cidOrToken)} was issued or accepted here.`, {
      hint: 'Give the token itself, or use the device that issued it.',
    })
  }

  /** In whose name the agent may revoke: the space at the root, else whoever of the chain's issuers and audience it can speak for. */
  #speaker({ ucan, proofs }: Proof): DID {
    const { signer } = this.#self
    const issuers = [ucan, ...proofs].map(({ issuer }) => issuer).reverse()
    const may = [...new Set([...issuers, ucan.audience])]
    const speaker =
      may.find((did) => did !== signer.did && ownerProofs(this.#self, did, 'ucan/revoke').length > 0) ??
      may.find((did) => did === signer.did)
    if (speaker) return speaker
    throw new Failure('NotRevoker', `This device may not revoke ${brief(ucan.cid)}.`, {
      link: String(ucan.cid),
      hint: 'A delegation is revoked by whoever issued it or one above it, or by the device that it is for.',
    })
  }

  /** Where a UCAN could be used: a lease at its host, a delegation at every host that leases to its space. */
  #hostsOf(proof: Proof): KeptHost[] {
    const root = rootOf(proof) as DID
    const { hosts } = this.#self.holdings
    const isFor = (host: KeptHost) => host.did === root || (!leaseOf(proof.ucan) && leasesFor(this.#self, root, host.did).length > 0)
    return hosts.filter(isFor)
  }

  async #tell(host: KeptHost, proof: Proof, by: DID, signal?: AbortSignal): Promise<Outcome> {
    const { signer } = this.#self
    const owner = by === signer.did ? [] : ownerProofs(this.#self, by, 'ucan/revoke')
    // A host takes revocations about a space that shows its lease, so that strangers can't fill its log.
    const leases = leasesFor(this.#self, rootOf(proof) as DID, host.did)
    const patience = AbortSignal.timeout(PATIENCE * 1000)
    try {
      const caller = callerTo(this.#self, host, by, [...owner, ...leases])
      const { result } = await invoke(
        caller,
        revocation,
        'revoke',
        { ucan: proof.ucan.cid },
        { attach: [proof], signal: signal ? AbortSignal.any([signal, patience]) : patience },
      )
      const { at, log } = unwrap(result)
      // A host that only says so could deny it later.
      verifyLogged(log, { host: host.did, ucan: proof.ucan.cid, by })
      return { at, log: base64url.encode(encode(log)) }
    } catch (thrown) {
      if (signal?.aborted) throw thrown
      return {
        error: patience.aborted ? new Failure('Unavailable', `No answer within ${PATIENCE} seconds.`).toRefusal() : toRefusal(thrown),
      }
    }
  }

  async #keep(proof: Proof, by: DID, results: readonly ({ did: string } & Outcome)[]): Promise<void> {
    const cid = String(proof.ucan.cid)
    const told = results.flatMap(({ did, at, log }) => (at === undefined ? [] : [{ host: did, at, ...(log && { log }) }]))
    if (told.length === 0) return
    await this.#self.holdings.update(({ revoked }) => {
      let entry = revoked.find(({ ucan }) => ucan === cid)
      if (!entry) {
        entry = { ucan: cid, by, at: Math.min(...told.map(({ at }) => at)), told: [] }
        revoked.push(entry)
      }
      entry.archive ??= keep(proof, 0).archive
      for (const each of told) if (!entry.told.some(({ host }) => host === each.host)) entry.told.push(each)
    })
  }
}

interface Outcome {
  readonly at?: number
  /** A `Logged` in DAG-CBOR, as the wallet keeps it. */
  readonly log?: string
  readonly error?: Refusal
}

/** Where a kept proof says that its entry stands. */
const placeOf = (kept: string): { index: number; size: number } => {
  const { index, checkpoint } = decode(base64url.decode(kept)) as unknown as Logged
  return { index, size: parseCheckpoint(parseNote(checkpoint).text).size }
}

const nobodyTold = (cid: string, results: Revoked['hosts']): Failure => {
  const hint = 'It still works. Try again when a host can be reached.'
  if (results.length === 0) {
    return new Failure('Unavailable', `No host is known that ${brief(cid)} could be used at, so none was told.`, {
      link: cid,
      hint: 'Pair with the hosts that lease to the space, then revoke again.',
    })
  }
  const refusal = results.map(({ error }) => error).find((error) => error && error.name !== 'Unavailable' && error.name !== 'Cancelled')
  if (refusal) return Failure.fromRefusal({ hint, ...refusal, hosts: results })
  return new Failure('Unavailable', `No host acknowledged the revocation of ${brief(cid)}.`, { link: cid, hosts: results, hint })
}
